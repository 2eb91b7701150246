"""A million trained runs at n = 10⁹: how long they take on all cores, and in how much memory.

``python benchmarks/million.py [--runs 1000000] [--steps 50000] [--n-samples 1000000000]
[--penalty split_half]``. The stages of the workflow, a shard at a time in as many processes as
there are cores: moments are drawn from their exact law (``sampling: moments``), IRM trains on
them, with plug-in unless said, and what is left of a shard is φ and the penalty of each run, the
trained file that the workflow keeps. What split-half and the U-statistic need besides comes from
the law of splits (``splits: gaussian``).
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
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scaling import study
from benchmarks.stage import peak
from irm_bench import config
from irm_bench.planning import plan
from irm_bench.stages import simulate, train

# Seeds of a shard: two batches of the engine.
SHARD = 8192


def run_shard(keys: dict[str, Any], folder: Path, seeds: range) -> tuple[np.ndarray, float, float]:
    """φ (d, run) of a shard's runs, the CPU seconds that they took, and the peak memory (MB) of the
    process so far."""
    before = time.process_time()
    test = [{"sigma": 1.0}]
    raw = study(
        sampling="moments", splits="gaussian", seeds=list(seeds), test_environments=test, **keys
    )
    parsed = config.parse(raw)
    moments, trained = folder / f"moments-{seeds.start}.npz", folder / f"{seeds.start}.npz"
    simulate.run(parsed, 0, moments)
    train.run(parsed, next(iter(plan.groups(parsed))), 0, moments, trained)
    moments.unlink()
    with np.load(trained) as found:
        return found["0/phi"][-1], time.process_time() - before, peak()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--n-samples", type=int, default=10**9)
    parser.add_argument("--penalty", default="plug_in")
    given = parser.parse_args(arguments)
    methods = [{"name": "irm", "penalty": given.penalty}]
    keys = {"n_samples": given.n_samples, "steps": given.steps, "methods": methods}
    shards = [range(i, min(i + SHARD, given.runs)) for i in range(0, given.runs, SHARD)]
    start = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool,
    ):
        found = list(pool.map(partial(run_shard, keys, Path(name)), shards))
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in Path(name).iterdir())
    phi = np.concatenate([phi for phi, _, _ in found], axis=1)
    cpu_seconds = sum(of_shard for _, of_shard, _ in found)
    print(
        f"{phi.shape[1]:,} {given.penalty} runs of {given.steps:,} steps at n = "
        f"{given.n_samples:,}: {seconds:.0f} s on {os.cpu_count()} cores, {cpu_seconds:.0f} CPU s, "
        f"{1e3 * cpu_seconds / phi.shape[1]:.2f} ms a run; at most "
        f"{max(megabytes for _, _, megabytes in found):.0f} MB a process, "
        f"{size / 1e6:.0f} MB of trained files"
    )
    print("φ, mean:", *(f"{mean:.6f}" for mean in phi.mean(axis=1)))
    print("φ, sd:  ", *(f"{sd:.2g}" for sd in phi.std(axis=1, ddof=1)))


if __name__ == "__main__":
    main(sys.argv[1:])
