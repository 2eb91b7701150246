"""ERM: gradient descent on the sum over environments of the mean squared error.

The summed risk is quadratic with Hessian H = 2ΣG, so in its eigenbasis every coordinate of φ is a
geometric sequence: gradient descent in closed form, exact at any step, in as many operations as the
number of steps has binary digits. Eigenvalues and sums are of fixed order (``theory/small.py``).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from irm_bench.engine.descent import Path, Route, Selected, descend, evaluate_path, join
from irm_bench.engine.problem import AnySlope, Draw, Draws, Penalty, Problem
from irm_bench.engine.sums import combine
from irm_bench.plugins.optimisers import gd
from irm_bench.theory import small

LABEL = "ERM"
COLOR = "#d55e00"
MARKER = "D"
DASH = "dotted"
REFERENCE = "Vapnik 1991"
ASSUMPTION = "The environments to come are like those seen."
COUNTERPART = "erm"
HESSIAN = "irm_bench.theory.objectives:error_hessian"


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of the summed risks."""
    return 2 * problem.slots.total(slope.residual)


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same gradient of ``width`` runs from moments, for numba (``engine/compiled.py``)."""

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        out[:] = 0
        for e in range(len(gram)):
            for i in range(d):
                for k in range(width):
                    fitted = gram[e, i, 0, k] * phi[0, k]
                    for j in range(1, d):
                        fitted += gram[e, i, j, k] * phi[j, k]
                    out[i, k] += 2 * (fitted - cross[e, i, k])

    return gradient


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
    stable = (_eigen(problem)[0] * problem.learning_rate <= 2).all(dim=0)
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
    """φ (d, run) of gradient descent after any number of steps.

    In the eigenbasis φ ← φ + (pull − fall φ) with fall = rate · eigenvalue: n steps from the start
    move it by pull − fall · start, times 1 + r + … + rⁿ⁻¹ with r = 1 − fall.
    """
    values, vectors = _eigen(problem)
    rate = problem.learning_rate
    fall = rate * values
    start = _apply(vectors.transpose(0, 1), problem.start)
    pull = rate * _apply(vectors.transpose(0, 1), 2 * problem.slots.total(problem.moments.cross))
    first = torch.addcmul(pull, fall, start, value=-1)

    def phi_at(step: int) -> Tensor:
        return _apply(vectors, torch.addcmul(start, first, _geometric_sum(fall, step)))

    return phi_at


def _eigen(problem: Problem) -> tuple[Tensor, Tensor]:
    """Eigenvalues (d, run) and eigenvectors (d, d, run) of the Hessian 2ΣG, which is PSD."""
    hessian = 2 * problem.slots.total(problem.moments.gram)
    values, vectors = small.eigen(hessian.permute(2, 0, 1).cpu().numpy())
    here = hessian.device
    return (
        torch.from_numpy(values).to(here).T.clamp(min=0).contiguous(),
        torch.from_numpy(vectors).to(here).permute(1, 2, 0).contiguous(),
    )


def _apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Matrices (i, j, run) times vectors (j, run)."""
    return combine(matrices.unbind(1), vectors.unbind())


def _geometric_sum(fall: Tensor, n: int) -> Tensor:
    """1 + r + … + rⁿ⁻¹ for r = 1 − fall, by the binary digits of n, the highest first.

    Twice as many terms are S + rᵐS = 2S − fall S², one more is 1 + rS = 1 + S − fall S: nothing of
    r's own is lost where ``fall`` is tiny.
    """
    total = torch.zeros_like(fall)
    for digit in f"{n:b}":
        total = 2 * total - fall * total * total
        if digit == "1":
            total = 1 + total - fall * total
    return total
