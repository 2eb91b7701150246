"""Measure what generality costs: ``python benchmarks/objectives.py``; medians of ratios, one core.

A value that torch differentiates against a gradient written by hand (V-REx, from moments); and the
logistic loss for many runs of a dataset together against a loop over runs, rows and autograd.
"""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clock import now
from irm_bench.engine import training
from irm_bench.engine.problem import AnySlope, Draw, Problem, Quadratic, Slots, no_draws
from irm_bench.engine.row_losses import Part, RowBatch
from irm_bench.plugins.methods import irm
from irm_bench.plugins.optimisers import gd
from irm_bench.plugins.penalties import plug_in

REPEATS = 5
N_SAMPLES, N_FEATURES, N_ENVIRONMENTS = 10_000, 10, 3


def vrex_by_value() -> ModuleType:
    """V-REx as its value alone."""
    module = types.ModuleType("vrex_by_value")
    module.value = _vrex_value  # type: ignore[attr-defined]
    module.__file__ = "vrex_by_value"
    return module


def _vrex_value(parameters: Tensor, problem: Problem) -> Tensor:
    risks = problem.risks(parameters)
    mean = problem.mean(risks)
    return mean + problem.params["beta"] * problem.mean((risks - problem.spread(mean)) ** 2)


def vrex_by_hand() -> ModuleType:
    """V-REx with its gradient written down."""
    module = types.ModuleType("vrex_by_hand")
    module.gradient = _vrex_gradient  # type: ignore[attr-defined]
    module.__file__ = "vrex_by_hand"
    return module


def _vrex_gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    # R = φᵀ(Gφ − b) − φᵀb + c, of which the slope holds the first term
    risks = slope.value - (problem.moments.cross * slope.phi).sum(dim=0) + problem.target
    deviation = risks - problem.spread(problem.mean(risks))
    weight = 1 + 2 * problem.spread(problem.params["beta"]) * deviation
    return problem.mean(2 * slope.residual * weight)


def moments_problem(n_runs: int) -> Problem:
    """Runs of three environments with 10 features."""
    generator = torch.Generator().manual_seed(0)
    n_pairs = N_ENVIRONMENTS * n_runs
    shape = (N_FEATURES, 2 * N_FEATURES, n_pairs)
    factor = torch.randn(shape, dtype=torch.float64, generator=generator)
    gram = torch.einsum("ikp,jkp->ijp", factor, factor) / shape[1]
    cross = torch.randn(N_FEATURES, n_pairs, dtype=torch.float64, generator=generator)
    return Problem(
        slots=Slots((n_runs,) * N_ENVIRONMENTS),
        moments=Quadratic(gram, cross),
        target=torch.full((n_pairs,), 20.0, dtype=torch.float64),
        learning_rate=torch.full((n_runs,), 1e-3, dtype=torch.float64),
        start=torch.ones(N_FEATURES, n_runs, dtype=torch.float64),
        params={"beta": torch.full((n_runs,), 1.0, dtype=torch.float64)},
    )


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a work."""
    start = now()
    work()
    return float((now() - start)[1])


def value_ratio(n_runs: int) -> float:
    """How many times a gradient by hand a value costs."""
    problem, n_steps = moments_problem(n_runs), 200
    ratios = []
    for _ in range(REPEATS):
        times = []
        for method in (vrex_by_value(), vrex_by_hand()):

            def work(method: ModuleType = method) -> None:
                training.train(method, plug_in, gd, problem, n_steps, [], no_draws)

            times.append(seconds(work))
        ratios.append(times[0] / times[1])
    return float(np.median(ratios))


def rows() -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(0)
    found = []
    for scale in (0.5, 1.0, 2.0):
        x = rng.normal(size=(N_SAMPLES, N_FEATURES)) * scale
        y = (x[:, 0] + rng.normal(size=N_SAMPLES) > 0).astype(float)
        found.append((torch.tensor(x), torch.tensor(y)))
    return found


def logistic_ratio(n_runs: int) -> tuple[float, float]:
    """Times a run of the batch that one of the loop costs, and CPU s of 10,000 steps of it."""
    data = rows()
    n_steps, loop_steps = max(20, 2000 // n_runs), 5
    parts = [
        Part(x, y, torch.arange(e * n_runs, (e + 1) * n_runs)) for e, (x, y) in enumerate(data)
    ]
    plain = moments_problem(n_runs)
    params = {"error_weight": torch.full((n_runs,), 0.1, dtype=torch.float64)}
    problem = Problem(
        plain.slots,
        plain.moments,
        plain.target,
        plain.learning_rate,
        plain.start,
        params,
        rows=RowBatch(tuple(parts)),
    )

    def batch() -> None:
        training.train(irm, plug_in, gd, problem, n_steps, [], no_draws)

    ratios, costs = [], []
    for _ in range(REPEATS):
        of_batch = seconds(batch) / n_runs / n_steps
        ratios.append(seconds(lambda: loop(data, loop_steps)) / loop_steps / of_batch)
        costs.append(of_batch * 10_000)
    return float(np.median(ratios)), float(np.median(costs))


def loop(data: list[tuple[Tensor, Tensor]], n_steps: int) -> None:
    """One run as the IRM paper's code trains it: rows, and autograd twice."""
    phi = torch.ones(N_FEATURES, dtype=torch.float64, requires_grad=True)
    for _ in range(n_steps):
        total = torch.zeros((), dtype=torch.float64)
        for x, y in data:
            w = torch.ones((), dtype=torch.float64, requires_grad=True)
            logits = x @ phi * w
            risk = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
            (along,) = torch.autograd.grad(risk, w, create_graph=True)
            total = total + 0.1 * risk + along**2
        (gradient,) = torch.autograd.grad(total, phi)
        with torch.no_grad():
            phi -= 1e-3 * gradient


def main() -> None:
    torch.set_num_threads(1)
    for n_runs in (50, 1000):
        ratio = value_ratio(n_runs)
        print(f"value against gradient by hand, {n_runs} runs: {ratio:.2f} times the CPU time")
    for n_runs in (20, 200):
        ratio, cost = logistic_ratio(n_runs)
        print(
            f"logistic, {n_runs} runs of a dataset: {ratio:.1f} times the loop over rows, "
            f"{cost:.2f} CPU s a run of 10,000 steps"
        )


if __name__ == "__main__":
    main()
