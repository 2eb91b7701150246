"""ERM: gradient descent on the sum over environments of the mean squared error.

The summed risk is quadratic with Hessian H = 2ΣG, so in its eigenbasis every coordinate of φ is a
geometric sequence: gradient descent in closed form, exact at any step, with no loop.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from irm_bench.engine.descent import Path, Route, Selected, descend, evaluate_path, join
from irm_bench.engine.problem import AnySlope, Draw, Draws, Penalty, Problem
from irm_bench.plugins.optimisers import gd

LABEL = "ERM"
COLOR = "#d55e00"
MARKER = "D"
DASH = "dotted"
REFERENCE = "Vapnik 1991"
COUNTERPART = "erm"
HESSIAN = "irm_bench.theory.objectives:error_hessian"


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of the summed risks."""
    return 2 * problem.slots.total(slope.residual)


def closed_form(
    problem: Problem,
    penalty: Any,
    n_steps: int,
    record: Iterable[int],
    draws: Draws,
) -> Path:
    """The path of gradient descent; ``penalty`` is only reported, never trained on.

    Runs with an eigenvalue beyond the stability limit may overflow on the way: they are few, end
    soon, and are stepped through so that the step at which they diverge is exact.
    """
    record = sorted({*record, n_steps})
    stable = _eigen(problem)[0].mul(problem.learning_rate[:, None]).le(2).all(dim=1)
    parts = []
    for chosen, route in ((stable, _closed_form), (~stable, _stepped)):
        runs = chosen.nonzero().squeeze(1)
        if len(runs):
            part = problem.select(runs)
            parts.append((runs, route(part, penalty.value, record, Selected(draws, runs))))
    return join(parts, problem.slots.n_runs)


def _risk_gradient(phi: Tensor, problem: Problem, draw: Draw) -> Tensor:
    return gradient(phi, problem.slope(phi), problem, draw)


def _stepped(problem: Problem, penalty: Penalty, record: list[int], draws: Draws) -> Path:
    route = Route(_risk_gradient, gd)
    return descend(problem, route, problem.start, penalty, record[-1], record, draws)


def _closed_form(problem: Problem, penalty: Penalty, record: list[int], draws: Draws) -> Path:
    return evaluate_path(problem, _descent_at(problem), penalty, record, draws)


def _descent_at(problem: Problem) -> Callable[[int], Tensor]:
    """φ (d, run) of gradient descent after any number of steps."""
    values, vectors = _eigen(problem)
    rate = problem.learning_rate[:, None]
    transposed = vectors.transpose(1, 2)
    start = _apply(transposed, problem.start.T)
    pull = rate * _apply(transposed, 2 * problem.slots.total(problem.moments.cross).T)

    def phi_at(step: int) -> Tensor:
        decay, total = _geometric(rate * values, step)
        return _apply(vectors, start * decay + pull * total).T.contiguous()

    return phi_at


def _eigen(problem: Problem) -> tuple[Tensor, Tensor]:
    """Eigenvalues (run, d) and eigenvectors (run, d, d) of the Hessian 2ΣG, which is PSD."""
    hessian = 2 * problem.slots.total(problem.moments.gram)
    values, vectors = torch.linalg.eigh(hessian.permute(2, 0, 1))
    return values.clamp(min=0), vectors


def _apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Matrices (run, i, j) times vectors (run, j), elementwise: a run's bits know no batch."""
    return (matrices * vectors[:, None, :]).sum(dim=2)


def _geometric(fall: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """rⁿ and 1 + r + … + rⁿ⁻¹ for r = 1 − fall, accurate for tiny ``fall`` too."""
    small = fall < 0.5
    log_ratio = torch.log1p(-torch.where(small, fall, 0.0)) * n
    decay = torch.where(small, log_ratio.exp(), (1 - fall) ** n)
    shortfall = torch.where(small, -log_ratio.expm1(), 1 - decay)
    still = fall == 0
    return decay, torch.where(still, float(n), shortfall / torch.where(still, 1.0, fall))
