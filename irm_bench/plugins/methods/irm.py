"""IRM (IRMv1): gradient descent on error weight · Σ risks + Σ penalties.

IRM paper, equation (IRMv1) and Appendix D, with the weight on the error, the reciprocal of the
paper's λ on the penalty.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from irm_bench.engine import polynomial
from irm_bench.engine.problem import AnySlope, Draw, Problem
from irm_bench.machine_code import compiled

LABEL = "IRM"
COLOR = "#0072b2"
MARKER = "o"
DASH = "solid"
REFERENCE = "Arjovsky et al. 2019, IRMv1"
ASSUMPTION = "The best scale of the invariant predictor is the same in all environments."
TAKES_PENALTY = True
MIN_ENVIRONMENTS = 2
PARAMS = {"error_weight": 1e-5}
LIMIT = {"error_weight": 1e-8}
COUNTERPART = "penalty"
# With the plug-in penalty, whichever is trained on.
HESSIAN = "irm_bench.theory.objectives:hessian"


def gradient(
    parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw, penalty: Any
) -> Tensor:
    """Gradient (d, run) of the weighted risks and the penalties."""
    # A tensor of the penalty's own: the error is added to it.
    of_pairs = penalty.gradient(slope, problem, draw)
    return problem.slots.total(of_pairs.addcmul_(slope.residual, problem.residual_weight))


def quartic(problem: Problem, penalty: Any) -> Tensor | None:
    """The coefficients of that gradient, where the penalty is a fixed quartic form in φ."""
    if not hasattr(penalty, "quartic"):
        return None
    return polynomial.gradient_coefficients(problem, penalty.quartic(problem))


def kernel(d: int, width: int, of_value: Callable[[float], float]) -> Callable[..., Any]:
    """The same gradient of ``width`` runs from moments, for numba (``engine/compiled.py``).

    ``of_value`` is the compiled kernel of a penalty that is a function of the slope's value alone:
    what the gradient of that value counts for.
    """
    fit = _fit_of(d, width)

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        fitted, value = np.empty((d, width), phi.dtype), np.empty(width, phi.dtype)
        of_risk, of_penalty = np.empty(width, phi.dtype), np.empty(width, phi.dtype)
        for k in range(width):
            of_risk[k] = 2 * params[0, k]
        out[:] = 0
        for e in range(len(gram)):
            fit(phi, gram[e], cross[e], fitted, value)
            for k in range(width):
                of_penalty[k] = of_value(value[k])
            for i in range(d):
                for k in range(width):
                    residual = fitted[i, k] - cross[e, i, k]
                    along = fitted[i, k] + residual
                    out[i, k] += of_risk[k] * residual + of_penalty[k] * along

    return gradient


def draw_kernel(d: int, width: int, of_value: Callable[[float], float]) -> Callable[..., Any]:
    """What a step's draw adds to that gradient, of a penalty that has a kernel for it.

    It is the penalty's part alone, with the draw's gram and cross in place of the moments.
    """
    fit = _fit_of(d, width)

    def add(phi, gram, cross, params, out):  # type: ignore[no-untyped-def]
        fitted, value = np.empty((d, width), phi.dtype), np.empty(width, phi.dtype)
        fit(phi, gram, cross, fitted, value)
        for i in range(d):
            for k in range(width):
                along = fitted[i, k] + (fitted[i, k] - cross[i, k])
                out[i, k] += of_value(value[k]) * along

    return add


def _fit_of(d: int, width: int) -> Callable[..., None]:
    """Gφ (d, width) and φᵀ(Gφ − b) (width,) of an environment, compiled."""

    def fit(phi, gram, cross, fitted, value):  # type: ignore[no-untyped-def]
        value[:] = 0
        for i in range(d):
            for k in range(width):
                total = gram[i, 0, k] * phi[0, k]
                for j in range(1, d):
                    total += gram[i, j, k] * phi[j, k]
                fitted[i, k] = total
        for i in range(d):
            for k in range(width):
                value[k] += phi[i, k] * (fitted[i, k] - cross[i, k])

    return compiled(fit)
