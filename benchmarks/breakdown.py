"""Where the time of a run of the workflow goes, and the floor that no program could go below."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.clock import processes, timed
from irm_bench import config
from irm_bench.engine.signs import balanced_signs
from irm_bench.engine.splits import AHEAD, MAX_WIDTH, sums_of
from irm_bench.planning import plan
from irm_bench.planning.plan import Cell, Use
from irm_bench.plugins.registry import find_book

BOOK = find_book("notebook")

ROOT = Path(__file__).parents[1]
PROVENANCE = ROOT / "results/notebook/provenance.json"


def recorded(path: Path = PROVENANCE) -> dict[str, Any] | None:
    """Wall seconds of the last run in ``results``, and what its rules took; None without a run."""
    if not path.exists():
        return None
    run = json.loads(path.read_text(encoding="utf-8"))["run"]
    return {"wall_seconds": run["wall_seconds"], "stages": _stages(run["jobs"])}


def _stages(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each rule, training group by group: jobs, seconds of work, and of start-up before it."""
    sums: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"jobs": 0, "work_seconds": 0.0, "start_up_seconds": 0.0, "peak_mb": 0.0}
    )
    for job in jobs:
        row = sums[" ".join([job["rule"], *filter(None, [job["wildcards"].get("group")])])]
        work = job["finished"] - job["started"]
        row["jobs"] += 1
        row["work_seconds"] += work
        row["start_up_seconds"] += max(0.0, (job["benchmark"].get("s") or work) - work)
        row["peak_mb"] = max(row["peak_mb"], job["benchmark"].get("max_rss") or 0)
    return [{"stage": stage, **row} for stage, row in sums.items()]


# How often each rate is measured, and on how many rows.
RATES = {"full": (5, 10_000), "quick": (1, 200)}


def beside_the_floor(
    with_pipeline: bool, n_cores: int, repeats: int, size: str = "full"
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The default benchmark, the run of median wall time, and its floor, the median of each part.

    They are measured in turn, for the machine is not always equally fast. Without the pipeline it
    is the last run in ``results``, or none.
    """
    parsed = config.of_book("notebook")
    runs, floors = [], []
    for _ in range(repeats):
        floors.append(floor(parsed, n_cores, size))
        if with_pipeline:
            runs.append(run_pipeline())
    seconds = np.median([[part["seconds"] for part in one_floor] for one_floor in floors], axis=0)
    parts = [part | {"seconds": s} for part, s in zip(floors[0], seconds.tolist(), strict=True)]
    runs.sort(key=lambda run: run["wall_seconds"])
    return runs[len(runs) // 2] if runs else recorded(), parts


def run_pipeline() -> dict[str, Any]:
    """The default benchmark on all cores, from an empty folder: as ``recorded``, but that the wall
    seconds hold Snakemake's own; and the CPU seconds of all processes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_project(Path(folder))
        wall, cpu = run_snakemake(copy, "--cores", "all", "--quiet", "all")
        record = recorded(copy / "results/notebook/provenance.json")
        return {"stages": [], **(record or {}), "wall_seconds": wall, "cpu_seconds": cpu}


def copy_project(folder: Path) -> Path:
    """A copy of the project that has not run, in a folder."""
    copy = folder / "copy"
    left_out = shutil.ignore_patterns(".*", "results", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=left_out)
    return copy


def run_snakemake(project: Path, *arguments: str) -> tuple[float, float]:
    """Wall seconds of Snakemake in a project, and CPU seconds of it and its local jobs.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    start, used = time.perf_counter(), _cpu_of_children()
    subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=project,
        check=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(project)},
    )
    return time.perf_counter() - start, _cpu_of_children() - used


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def floor(parsed: config.Config, n_cores: int, size: str = "full") -> list[dict[str, Any]]:
    """CPU seconds of the random numbers and of the arithmetic of a config, at measured rates.

    They are those of a core while all are at work, as they are in a run: cores share memory.
    """
    with processes(n_cores) as pool:
        by_core = list(pool.map(partial(_rates, *RATES[size]), range(n_cores)))
    rates = {name: float(np.mean([each[name] for each in by_core])) for name in by_core[0]}
    work = {
        "normal variates": ("normals", _normals(parsed)),
        "random splits": ("signs", _signs(parsed)),
        "split-half sums": ("signed sums", _signed_sums(parsed)),
        "gradient steps": ("float64", _step_flops(parsed)),
    }
    return [
        {"part": part, "operations": n, "rate": rates[rate], "seconds": n / rates[rate]}
        for part, (rate, n) in work.items()
    ]


def _rates(repeats: int, n_rows: int, seed: int) -> dict[str, float]:
    """Operations a second of one core: normals, signs, signed sums in products as large as ours,
    and float64 arithmetic of the kind that elementwise steps are made of, multiply-adds of vectors
    that stay in cache."""
    rng = np.random.default_rng(seed)
    signs = torch.randint(0, 2, (AHEAD, n_rows), dtype=torch.int8) * 2 - 1
    sums = sums_of(1, MAX_WIDTH * 4, n_rows)
    for column in range(MAX_WIDTH * 4):
        sums.put(0, column, rng.integers(-(2**20), 2**20, n_rows).astype(float))
    units = torch.ones(1, MAX_WIDTH * 4, dtype=torch.float64)
    out = torch.empty(AHEAD, 1, MAX_WIDTH * 4, dtype=torch.float64)
    sums.write(signs, units, out)  # compiles it
    vectors = torch.ones(3, 2**14, dtype=torch.float64)
    works = {
        "normals": (100.0 * n_rows, lambda: rng.standard_normal(100 * n_rows)),
        "signs": (512.0 * n_rows, lambda: balanced_signs(rng, 512, n_rows)),
        "signed sums": (
            2.0 * signs.numel() * units.numel(),
            lambda: sums.write(signs, units, out),
        ),
        "float64": (2e3 * 2**14, lambda: _multiply_add(*vectors, repeats=1000)),
    }
    return {
        name: n / float(np.median([timed(work)[1] for _ in range(repeats)]))
        for name, (n, work) in works.items()
    }


def _multiply_add(total: torch.Tensor, term: torch.Tensor, w: torch.Tensor, repeats: int) -> None:
    for _ in range(repeats):
        total.addcmul_(term, w)


def _normals(parsed: config.Config) -> float:
    """Random noises in all rows: three for each cause and its effect (X, Y and Z of Example 1)."""
    return float(
        sum(
            3 * dataset.model.n_features // 2 * dataset.n_samples * len(use.seeds)
            for dataset, use in plan.datasets(parsed).items()
            if dataset.sampling == "rows"
        )
    )


def _split(parsed: config.Config) -> dict[Cell, Use]:
    """The cells whose penalty splits the rows at random."""
    return {
        cell: use
        for cell, use in plan.cells(parsed).items()
        if cell.penalty and "splits" in cell.needs
    }


def _signs(parsed: config.Config) -> float:
    """Signs of all splits: a split a step for each number of rows, which all runs share."""
    return float(sum(n * steps for n, steps in {(c.n_samples, c.steps) for c in _split(parsed)}))


def _signed_sums(parsed: config.Config) -> float:
    """Operations of the signed sums of all columns and steps, a product and a sum a row."""
    held = {
        (dataset, seed, cell.steps)
        for cell, use in _split(parsed).items()
        for dataset in cell.datasets()
        for seed in use.seeds
    }
    return float(
        sum(2 * steps * d.n_samples * _n_products(d.model.n_features) for d, _, steps in held)
    )


def _step_flops(parsed: config.Config) -> float:
    """Operations of all steps: 2d² + 2d for a quadratic of a pair of environment and run, or, where
    the gradient of a run is one cubic polynomial, 2M for its M monomials and 2Md to sum them."""
    total = 0.0
    for cell, use in plan.cells(parsed).items():
        if not cell.penalty:
            continue
        d = cell.model.n_features
        penalty = cell.penalty.load()
        if hasattr(penalty, "quartic"):
            flops = 2 * comb(d + 3, 3) * (d + 1)
        else:
            flops = (2 * d * d + 2 * d) * len(cell.train) * (2 if "splits" in penalty.NEEDS else 1)
        total += flops * cell.steps * len(use.seeds)
    return total


def _n_products(d: int) -> int:
    return d * (d + 1) // 2 + d
