"""Peak memory and processor time of the jobs that read all shards, with very many seeds.

``python benchmarks/many_seeds.py [10000]``: the default benchmark, with few rows and steps, is run
for a few seeds, and what its shard left is copied under other seeds until there are enough. It
leaves ``results/many_seeds.csv``; docs/cluster.md shows the published one.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, run
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import stage
from irm_bench import config
from irm_bench.stages import diagnose, evaluate
from irm_bench.storage import archives, part_files, tables

ROOT = Path(__file__).parents[1]
# Seeds that are run; the others are copies of them.
N_RUN = 50


def raw(n_seeds: int, n_studies: int | None = None) -> dict[str, Any]:
    """The default config, or its first studies, claims and figures, with so many seeds in one
    shard, and with rows and steps as few as may be."""
    found: dict[str, Any] = config.laid_over({})
    found["shards"] = 1
    found["defaults"] |= {"seeds": n_seeds, "n_samples": 50, "n_test_samples": 50, "steps": 20}
    for key in ("studies", "claims", "figures"):
        found[key] = found[key][:n_studies]
    found["lead"] = [name for name in found["lead"] if name in found["figures"]]
    for study in found["studies"]:
        study["n_samples"] = [50, 60, 70, 80, 90] if "n_samples" in study else 50
    return found


def copy_shard(folder: Path, n_seeds: int, n_run: int, n_studies: int | None) -> None:
    """What shards of ``n_run`` seeds each would leave of so many seeds, in a folder."""
    few, many = (config.parse(raw(n, n_studies)) for n in (n_run, n_seeds))
    for name in ("simulate", "train", "evaluate", "diagnose"):
        stage.run(name, few, folder)
    for module, kind in ((evaluate, "parts"), (diagnose, "diagnosis")):
        for name in tables.parts(few, module.STAGE):
            part = part_files.read(
                folder / kind / "0" / f"{name}.npz", module.STAGE, few.stage_hash
            )
            for shard in range(n_seeds // n_run):
                path = folder / kind / f"{shard}" / f"{name}.npz"
                if name == "histograms" and shard:  # of the first seed alone
                    part = part.iloc[:0]
                seeds = part["seed"].astype(int) + shard * n_run
                part_files.write(path, module.STAGE, many.stage_hash, part.assign(seed=seeds))


def measure(
    n_seeds: int, n_run: int = N_RUN, n_studies: int | None = None
) -> Iterator[dict[str, Any]]:
    """Seconds and peak MB of every stage, each a process of its own; ``n_run`` seeds are run."""
    with tempfile.TemporaryDirectory() as folder:
        copy_shard(Path(folder), n_seeds, n_run, n_studies)
        for name in stage.WHOLE:
            told = json.dumps(raw(n_seeds, n_studies))
            command = [sys.executable, "-m", "benchmarks.stage", name, told, folder]
            done = run(command, cwd=ROOT, check=True, stdout=PIPE, text=True)
            peak, seconds = map(float, done.stdout.split())
            yield {"stage": name, "megabytes": peak, "cpu_seconds": seconds}


def markdown(table: pd.DataFrame) -> str:
    """What was measured, as docs/cluster.md shows it."""
    rows = [
        f"| {row.stage} | {row.megabytes:.0f} | {row.cpu_seconds:.0f} |\n"
        for row in table.itertuples()
    ]
    return "| job | peak MB | CPU s |\n| --- | ---: | ---: |\n" + "".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("n_seeds", nargs="?", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=ROOT / "results")
    given = parser.parse_args()
    table = pd.DataFrame(measure(given.n_seeds))
    archives.write_text(given.output / "many_seeds.csv", table.to_csv(index=False))
    print(markdown(table), end="")


if __name__ == "__main__":
    main()
