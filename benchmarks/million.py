"""A million trained runs at n = 10⁹: how long they take on all cores, and in how much memory.

``python benchmarks/million.py [--runs 1000000] [--steps 50000] [--n-samples 1000000000]``. The
stages of the workflow, a shard at a time in as many processes as there are cores: moments are drawn
from their exact law (``sampling: moments``), plug-in IRM trains on them, and what is left of a
shard is φ and the penalty of each run, the trained file that the workflow keeps.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scaling import study
from benchmarks.stage import peak
from irm_bench import config
from irm_bench.planning import plan
from irm_bench.stages import simulate, train

# Seeds of a shard: two batches of the engine.
SHARD = 8192


def run_shard(keys: dict[str, int], folder: Path, seeds: range) -> tuple[np.ndarray, float]:
    """φ (d, run) of a shard's runs, and the peak memory (MB) of the process so far."""
    test = [{"sigma": 1.0}]
    raw = study(sampling="moments", seeds=list(seeds), test_environments=test, **keys)
    parsed = config.parse(raw)
    moments, trained = folder / f"moments-{seeds.start}.npz", folder / f"{seeds.start}.npz"
    simulate.run(parsed, 0, moments)
    train.run(parsed, plan.groups(parsed)[0], 0, moments, trained)
    moments.unlink()
    with np.load(trained) as found:
        return found["0/phi"][-1], peak()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--n-samples", type=int, default=10**9)
    given = parser.parse_args(arguments)
    keys = {"n_samples": given.n_samples, "steps": given.steps}
    shards = [range(i, min(i + SHARD, given.runs)) for i in range(0, given.runs, SHARD)]
    start = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool,
    ):
        found = list(pool.map(partial(run_shard, keys, Path(name)), shards))
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in Path(name).iterdir())
    phi = np.concatenate([phi for phi, _ in found], axis=1)
    print(
        f"{phi.shape[1]:,} runs of {given.steps:,} steps at n = {given.n_samples:,}: "
        f"{seconds:.0f} s on {os.cpu_count()} cores, {1e3 * seconds / phi.shape[1]:.2f} ms a run; "
        f"at most {max(megabytes for _, megabytes in found):.0f} MB a process, "
        f"{size / 1e6:.0f} MB of trained files"
    )
    print("φ, mean:", *(f"{mean:.6f}" for mean in phi.mean(axis=1)))
    print("φ, sd:  ", *(f"{sd:.2g}" for sd in phi.std(axis=1, ddof=1)))


if __name__ == "__main__":
    main(sys.argv[1:])
