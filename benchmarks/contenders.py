"""Seconds that one trained run takes: the notebook's loop, a batched per-row loop, the engine.

Each returns wall and CPU seconds (``clock.now``). All are given the rows (n = 10,000, d = 4, two
environments, float64) and one thread, and train for 50,000 steps; where fewer are timed, the time
is scaled. The engine's time holds making the moments.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from unittest import mock

import numpy as np
import torch

from benchmarks import batched_loop, notebook_loop
from benchmarks.clock import Seconds, now
from irm_bench.engine import compiled, training
from irm_bench.engine.descent import Path
from irm_bench.engine.problem import Draws, Problem, Quadratic, Slots, no_draws
from irm_bench.engine.signs import SignStream
from irm_bench.engine.splits import SignedMeans, SplitDraws
from irm_bench.plugins.optimisers import gd
from irm_bench.plugins.registry import find_book
from irm_bench.plugins.sems import example_1
from irm_bench.theory.moments import Accumulator, products

BOOK = find_book("notebook")

N_SAMPLES = 10_000
N_STEPS = 50_000
SIGMAS = (0.1, 1.0)
LEARNING_RATE, ERROR_WEIGHT = 1e-3, 1e-5
# ERM, and IRM with each penalty estimator.
METHODS = ("erm", "plug_in", "u_statistic", "split_half")
# Sets of rows that are really drawn; runs beyond them use them again.
N_DISTINCT = 8

Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Size:
    """How many runs are timed together, for how many steps."""

    n_runs: int
    n_steps: int


@cache
def draw_rows(
    n_samples: int = N_SAMPLES, dim: int = 2, sigmas: Sequence[float] = SIGMAS
) -> list[list[Rows]]:
    """For each distinct run, features (n, d) and target (n,) of its environments."""
    rng = np.random.default_rng(0)
    environments = [{"sigma": sigma, "gamma": 1.0, "tau": 1.0} for sigma in sigmas]
    return [
        [
            example_1.sample(rng, n_samples, environment, {"dim": dim})
            for environment in environments
        ]
        for _ in range(N_DISTINCT)
    ]


def notebook(method: str, size: Size) -> Seconds:
    """The loop of the notebook; every step permutes the rows, as it does there."""
    environments = [(torch.tensor(x), torch.tensor(y)[:, None]) for x, y in draw_rows()[0]]
    penalty = notebook_loop.PENALTIES.get(method)
    start = now()
    notebook_loop.train(
        environments,
        penalty,
        size.n_steps,
        LEARNING_RATE,
        ERROR_WEIGHT,
        lambda step: torch.randperm(N_SAMPLES),
    )
    return (now() - start) * N_STEPS / size.n_steps


def notebook_threaded(method: str, size: Size) -> Seconds:
    """The same with as many threads as there are cores: how a notebook runs if nothing is said."""
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        return notebook(method, size)
    finally:
        torch.set_num_threads(1)


def batched(method: str, size: Size) -> Seconds:
    runs = [draw_rows()[i % N_DISTINCT] for i in range(size.n_runs)]
    x = torch.tensor(np.array([[x for x, _ in run] for run in runs]))
    y = torch.tensor(np.array([[y for _, y in run] for run in runs]))
    penalty = "" if method == "erm" else method
    start = now()
    with torch.inference_mode():
        batched_loop.train(x, y, penalty, size.n_steps, LEARNING_RATE, ERROR_WEIGHT)
    return (now() - start) * N_STEPS / size.n_steps / size.n_runs


def engine(method: str, size: Size) -> Seconds:
    """ERM is a closed form: all its steps are taken, and nothing is scaled."""
    runs = [draw_rows()[i % N_DISTINCT] for i in range(size.n_runs)]
    start = now()
    problem = problem_of(runs, with_variance=method == "u_statistic")
    draws = _split_draws(runs, problem.slots) if method == "split_half" else no_draws
    ready = now()
    n_steps = N_STEPS if method == "erm" else size.n_steps
    train(method, problem, n_steps, draws)
    stepping = (now() - ready) * N_STEPS / n_steps
    return (ready - start + stepping) / size.n_runs


CONTENDERS: dict[str, Callable[[str, Size], Seconds]] = {
    "notebook": notebook,
    "batched": batched,
    "engine": engine,
}


# What is measured in a few updates stands for many, which are compiled.
@mock.patch.object(compiled, "FEWEST_UPDATES", 0)
def train(method: str, problem: Problem, n_steps: int, draws: Draws = no_draws) -> Path:
    """Train with the engine, ERM or IRM by the name of its penalty."""
    penalty = BOOK.plugin("penalties", "plug_in" if method == "erm" else method).load()
    module = BOOK.plugin("methods", "erm" if method == "erm" else "irm").load()
    return training.train(module, penalty, gd, problem, n_steps, [], draws)


def problem_of(runs: Sequence[Sequence[Rows]], with_variance: bool = False) -> Problem:
    """The engine's problem of runs of equally many environments, from their rows."""
    slots = Slots((len(runs),) * len(runs[0]))
    pairs = [run[e] for e in range(len(runs[0])) for run in runs]
    accumulated = [_accumulate(x, y, with_variance) for x, y in pairs]
    moments = [a.moments() for a in accumulated]
    d = moments[0].n_features

    def last(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.tensor(np.stack(arrays, axis=-1))

    def per_run(value: float) -> torch.Tensor:
        return torch.full((len(runs),), value, dtype=torch.float64)

    variance = [a.covariance() / a.n_rows for a in accumulated] if with_variance else None
    return Problem(
        slots=slots,
        moments=Quadratic(last([m.gram for m in moments]), last([m.cross for m in moments])),
        target=last([m.target for m in moments]),
        params={"error_weight": per_run(ERROR_WEIGHT)},
        learning_rate=per_run(LEARNING_RATE),
        start=torch.ones((d, len(runs)), dtype=torch.float64),
        gathered={"product_variance": last(variance)} if variance else {},
    )


def _accumulate(x: np.ndarray, y: np.ndarray, with_variance: bool) -> Accumulator:
    accumulator = Accumulator(x.shape[1], with_variance)
    accumulator.add(x, y)
    return accumulator


def _split_draws(runs: Sequence[Sequence[Rows]], slots: Slots) -> SplitDraws:
    pairs = [run[e] for e in range(len(runs[0])) for run in runs]
    stream = SignStream(0, len(pairs[0][1]))
    means = SignedMeans((products(x, y) for x, y in pairs), len(pairs), stream)
    return SplitDraws([means], np.arange(len(pairs)), slots)
