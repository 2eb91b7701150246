"""Measure what generality costs: ``python benchmarks/objectives.py``, about a minute.

Medians of ratios of CPU seconds, both sides of each in turn, one thread:
- a value that torch differentiates, against its gradient written by hand (V-REx, from moments);
- IRM with the logistic loss, many runs of one dataset together, against the per-run loop of the
  paper (rows, autograd twice), in float64 and in float32, which is torch's default.
"""

import resource
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clock import now
from irm_bench.engine import training
from irm_bench.engine.problem import AnySlope, Draw, Problem, Quadratic, Slots, no_draws
from irm_bench.engine.row_losses import Part, RowBatch, Rows
from irm_bench.engine.sums import combine
from irm_bench.plugins.losses import logistic
from irm_bench.plugins.methods import irm, vrex
from irm_bench.plugins.optimisers import gd
from irm_bench.plugins.penalties import plug_in

REPEATS = 5
N_SAMPLES, N_FEATURES, N_ENVIRONMENTS = 10_000, 10, 3
ERROR_WEIGHT, LEARNING_RATE = 0.1, 1e-3

Environments = list[tuple[Tensor, Tensor]]


def vrex_by_hand() -> ModuleType:
    """V-REx with its gradient written down."""
    module = ModuleType("vrex_by_hand")
    module.__file__ = __file__
    module.gradient = vrex_gradient  # type: ignore[attr-defined]
    return module


def vrex_gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of mean R + β · mean (R − mean R)²."""
    # R = φᵀ(Gφ − b) − φᵀb + c, of which the slope holds the first term
    along_cross = combine(problem.moments.cross.unbind(), slope.phi.unbind())
    risks = slope.value - along_cross + problem.target
    deviation = risks - problem.spread(problem.mean(risks))
    weight = 1 + 2 * problem.spread(problem.params["beta"]) * deviation
    return problem.mean(2 * slope.residual * weight)


def problem_of(n_runs: int, row_loss: RowBatch | None = None) -> Problem:
    """Runs of three environments, of moments that are random."""
    generator = torch.Generator().manual_seed(0)
    n_pairs = N_ENVIRONMENTS * n_runs
    shape = (N_FEATURES, 2 * N_FEATURES, n_pairs)
    factor = torch.randn(shape, dtype=torch.float64, generator=generator)
    gram = torch.einsum("ikp,jkp->ijp", factor, factor) / shape[1]
    cross = torch.randn(N_FEATURES, n_pairs, dtype=torch.float64, generator=generator)

    def per_run(value: float) -> Tensor:
        return torch.full((n_runs,), value, dtype=torch.float64)

    return Problem(
        slots=Slots((n_runs,) * N_ENVIRONMENTS),
        moments=Quadratic(gram, cross),
        target=torch.full((n_pairs,), 20.0, dtype=torch.float64),
        learning_rate=per_run(LEARNING_RATE),
        start=torch.ones(N_FEATURES, n_runs, dtype=torch.float64),
        params={"beta": per_run(1.0), "error_weight": per_run(ERROR_WEIGHT)},
        row_loss=row_loss,
    )


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a work."""
    start = now()
    work()
    return float((now() - start)[1])


def trainer(method: ModuleType, problem: Problem, n_steps: int) -> Callable[[], object]:
    return lambda: training.train(method, plug_in, gd, problem, n_steps, [], no_draws)


def ratio_of_medians(above: Callable[[], float], below: Callable[[], float]) -> float:
    """The median ratio of two measurements, one after the other each time."""
    return float(np.median([above() / below() for _ in range(REPEATS)]))


def value_ratio(n_runs: int) -> float:
    """How many times a gradient by hand a value costs."""
    problem, n_steps = problem_of(n_runs), 200
    by_value = trainer(vrex, problem, n_steps)
    by_hand = trainer(vrex_by_hand(), problem, n_steps)
    return ratio_of_medians(lambda: seconds(by_value), lambda: seconds(by_hand))


def draw_environments(dtype: torch.dtype) -> Environments:
    """Rows and labels of three environments."""
    rng = np.random.default_rng(0)
    found = []
    for scale in (0.5, 1.0, 2.0):
        x = rng.normal(size=(N_SAMPLES, N_FEATURES)) * scale
        y = (x[:, 0] + rng.normal(size=N_SAMPLES) > 0).astype(float)
        found.append((torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)))
    return found


def loop(environments: Environments, n_steps: int) -> None:
    """One run as the IRM paper's code trains it: rows, and autograd twice."""
    dtype = environments[0][0].dtype
    phi = torch.nn.Parameter(torch.ones(N_FEATURES, dtype=dtype))
    w = torch.ones((), dtype=dtype, requires_grad=True)
    optimiser = torch.optim.SGD([phi], lr=LEARNING_RATE)
    for _ in range(n_steps):
        total = torch.zeros((), dtype=dtype)
        for x, y in environments:
            risk = binary_cross_entropy_with_logits(x @ phi * w, y)
            (along,) = torch.autograd.grad(risk, w, create_graph=True)
            total = total + ERROR_WEIGHT * risk + along**2
        optimiser.zero_grad()
        total.backward()
        optimiser.step()


def logistic_problem(n_runs: int) -> Problem:
    """The same rows for all runs."""
    parts = []
    for e, (x, y) in enumerate(draw_environments(torch.float64)):
        pairs = torch.arange(e * n_runs, (e + 1) * n_runs)
        parts.append(Part(Rows(x, y), pairs))
    return problem_of(n_runs, RowBatch(tuple(parts), logistic))


def logistic_ratio(n_runs: int, dtype: torch.dtype) -> float:
    """Times a run of the batch that one of the loop costs."""
    environments = draw_environments(dtype)
    n_steps, loop_steps = max(40, 5120 // n_runs), 100
    batch = trainer(irm, logistic_problem(n_runs), n_steps)
    return ratio_of_medians(
        lambda: seconds(lambda: loop(environments, loop_steps)) / loop_steps,
        lambda: seconds(batch) / n_steps / n_runs,
    )


def main() -> None:
    torch.set_num_threads(1)
    for n_runs in (50, 1000):
        ratio = value_ratio(n_runs)
        print(f"value against gradient by hand, {n_runs} runs: {ratio:.2f} times the CPU seconds")
    for n_runs in (16, 256):
        for dtype in (torch.float64, torch.float32):
            ratio = logistic_ratio(n_runs, dtype)
            print(f"logistic, {n_runs} runs of a dataset: {ratio:.1f} times the loop in {dtype}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {peak:.0f} MB, torch included")


if __name__ == "__main__":
    main()
