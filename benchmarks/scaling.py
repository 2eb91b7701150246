"""How the cost of training grows, axis by axis, on one thread; and the memory of the jobs."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np

from benchmarks import many_seeds
from benchmarks.clock import Seconds, interleaved, timed
from benchmarks.contenders import draw_rows, problem_of, train
from irm_bench import config
from irm_bench.engine.problem import Problem
from irm_bench.planning import plan, sampling
from irm_bench.planning.plan import Dataset
from irm_bench.plugins.model import model_of
from irm_bench.plugins.registry import find_book
from irm_bench.stages import simulate
from irm_bench.stages import train as training

AXES: dict[str, dict[str, Sequence[int]]] = {
    "full": {
        "seeds": (1, 10, 100, 1000, 10_000),
        "n": (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000),
        "dim": (1, 2, 3, 5, 7, 10),
        "steps": (100, 1000, 10_000, 50_000),
        "environments": (2, 3, 5, 10),
    },
    "quick": {
        "seeds": (1, 10, 100),
        "n": (100, 1000, 10_000),
        "dim": (1, 2),
        "steps": (100, 200),
        "environments": (2, 3),
    },
}
# Runs and steps of the axes that change neither.
N_RUNS, N_STEPS = 200, 100


def study(**keys: Any) -> dict[str, Any]:
    """The raw config of one small study, the notebook's but for the keys given."""
    return {
        "title": "Benchmark",
        "root_seed": 1,
        "studies": [
            {
                "name": "one",
                "train_sigmas": [[0.1, 1.0]],
                "test_environments": [{"sigma": [0.01, 0.1, 1.0]}],
                "methods": [{"name": "irm", "penalty": "plug_in"}],
                **keys,
            }
        ],
    }


def grow(size: str, repeats: int) -> list[dict[str, Any]]:
    """Seconds along every axis: rows with axis, series, x and (repeat, 2) seconds."""
    works = {
        (axis, series, x): work
        for axis, xs in AXES[size].items()
        for x in xs
        for series, work in SERIES[axis](x).items()
    }
    found = interleaved(works, repeats)
    return [{"axis": a, "series": s, "x": x, "seconds": t} for (a, s, x), t in found.items()]


def _job(n_seeds: int) -> Seconds:
    """Simulate and train stages of a study that draws moments: all that a seed costs."""
    parsed = config.parse(study(sampling="moments", seeds=n_seeds, steps=N_STEPS))
    with tempfile.TemporaryDirectory() as folder:
        moments = Path(folder) / "moments.npz"

        def work() -> None:
            simulate.run(parsed, 0, moments)
            training.run(
                parsed, next(iter(plan.groups(parsed))), 0, moments, Path(folder) / "trained.npz"
            )

        return timed(work)


def _along_seeds(n_seeds: int) -> dict[str, Callable[[], Seconds]]:
    return {"simulate and train, plug_in": partial(_job, n_seeds)}


def _along_n(n_samples: int) -> dict[str, Callable[[], Seconds]]:
    environment = config.Environment((("sigma", 1.0), ("gamma", 1.0), ("tau", 1.0)))
    model = model_of(
        find_book("notebook").plugin("sems", "example_1"),
        {"dim": 2},
        False,
        {"sigma": 1.0, "gamma": 1.0, "tau": 1.0},
    )

    dataset = Dataset(model, n_samples, "train", environment)
    return {
        "rows and their moments": partial(timed, partial(sampling.summarise, dataset, 0, 0, False)),
        "moments drawn alone": partial(timed, partial(sampling.draw_moments, dataset, 0, [0])),
        "training, plug_in": _steps("plug_in", problem_of(draw_rows(min(n_samples, 10_000)) * 25)),
    }


def _along_dim(dim: int) -> dict[str, Callable[[], Seconds]]:
    problem = problem_of(draw_rows(1000, dim) * (N_RUNS // 8), with_variance=True)
    return {f"training, {name}": _steps(name, problem) for name in ("plug_in", "u_statistic")}


def _along_steps(n_steps: int) -> dict[str, Callable[[], Seconds]]:
    problem = problem_of(draw_rows(1000))
    return {
        "training, plug_in": _steps("plug_in", problem, n_steps),
        "training, ERM": _steps("erm", problem, n_steps),
    }


def _along_environments(n_environments: int) -> dict[str, Callable[[], Seconds]]:
    sigmas = tuple(np.linspace(0.1, 1.0, n_environments).tolist())
    return {
        "training, plug_in": _steps("plug_in", problem_of(draw_rows(1000, 2, sigmas) * 25)),
    }


def _steps(method: str, problem: Problem, n_steps: int = N_STEPS) -> Callable[[], Seconds]:
    return partial(timed, partial(train, method, problem, n_steps))


SERIES: dict[str, Callable[[int], dict[str, Callable[[], Seconds]]]] = {
    "seeds": _along_seeds,
    "n": _along_n,
    "dim": _along_dim,
    "steps": _along_steps,
    "environments": _along_environments,
}


def slope(xs: Sequence[float], seconds: Sequence[float]) -> float:
    """Exponent of the growth over the upper half of the axis, where a fixed cost hides less."""
    upper = slice(len(xs) // 2 - (len(xs) == 2), None)
    return float(np.polyfit(np.log(xs[upper]), np.log(seconds[upper]), 1)[0])


# Jobs whose memory is told: the config, and the stages whose peak counts.
MEMORY: dict[str, dict[str, dict[str, Any]]] = {
    "full": {
        "n = 10,000,000, rows": {"n_samples": 10_000_000, "seeds": 1},
        "n = 10⁹, moments": {"n_samples": 10**9, "seeds": 100, "sampling": "moments"},
        "10,000 seeds, plug_in": {"seeds": 10_000, "sampling": "moments"},
        "10,000 seeds, u_statistic": {
            "seeds": 10_000,
            "n_samples": 100,
            "n_test_samples": 100,
            "methods": [{"name": "irm", "penalty": "u_statistic"}],
        },
        "1,000 seeds, split_half": {
            "seeds": 1000,
            "methods": [{"name": "irm", "penalty": "split_half"}],
        },
        "n = 1,000,000, split_half": {
            "n_samples": 1_000_000,
            "seeds": 2,
            "methods": [{"name": "irm", "penalty": "split_half"}],
        },
        "dim = 10, 1,000 seeds, u_statistic": {
            "options": {"dim": 10},
            "n_samples": 400,
            "n_test_samples": 400,
            "seeds": 1000,
            "methods": [{"name": "irm", "penalty": "u_statistic"}],
        },
    },
    "quick": {"100 seeds, plug_in": {"n_samples": 100, "seeds": 100}},
}
STAGES = {"full": ("simulate", "train", "evaluate", "aggregate"), "quick": ("simulate",)}


# Seeds of the default benchmark at which the jobs that read all shards are told, those that are
# run, and how many of its studies; None: all.
MANY_SEEDS = {"full": (1000, many_seeds.N_RUN, None), "quick": (8, 4, 1)}


def peaks(size: str) -> list[dict[str, Any]]:
    """Peak resident memory (MB) of each stage of each job, every stage a process of its own."""
    n_seeds, n_run, n_studies = MANY_SEEDS[size]
    measured = many_seeds.measure(n_seeds, n_run, n_studies)
    found = [{"job": f"{n_seeds:,} seeds, default", **row} for row in measured]
    for name, keys in MEMORY[size].items():
        raw = study(**{"steps": 2, **keys})
        with tempfile.TemporaryDirectory() as folder:
            for stage in STAGES[size]:
                command = [sys.executable, "-m", "benchmarks.stage", stage, json.dumps(raw), folder]
                root = Path(__file__).parents[1]
                done = subprocess.run(command, cwd=root, check=True, stdout=PIPE, text=True)
                found.append(
                    {"job": name, "stage": stage, "megabytes": float(done.stdout.split()[0])}
                )
    return found
