"""IRMv1 with two dummies, a scale and an offset of the prediction, as in the linear unit tests.

The prediction is w·(φᵀx) + c at w = 1, c = 0, where φᵀx has an intercept, the last weight. With g_e
the gradient of the risk in environment e, the derivatives along w and c are φᵀg_e and the last
entry of g_e.

    (1 − λ) · mean_e R_e + λ · Σ_e [(φᵀg_e)² + (g_e,last)²]
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "IRM, scale and offset"
COLOR = "#6699cc"
MARKER = "P"
DASH = "solid"
REFERENCE = "Aubin et al. 2021, IRMv1"
MIN_ENVIRONMENTS = 2
NEEDS = ("intercept",)
PARAMS = {"penalty_share": 0.9}


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run), with half derivatives: v = φᵀg/2 and r = g/2, each with its own gradient.

    Through rows the curvature brings the others with it, and is asked for first.
    """
    of_offset = slope.along_intercept
    of_scale = slope.gradient
    residual = slope.residual
    pull = of_scale.mul_(slope.value).addcmul_(of_offset, residual[-1])
    share = problem.params["penalty_share"]
    return (2 - 2 * share) * problem.mean(residual) + 8 * share * problem.total(pull)


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same gradient of ``width`` runs from moments, for numba (``engine/compiled.py``)."""

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        r = np.empty((d, width))
        v = np.empty(width)
        out[:] = 0
        for e in range(len(gram)):
            v[:] = 0
            for i in range(d):
                for k in range(width):
                    total = -cross[e, i, k]
                    for j in range(d):
                        total += gram[e, i, j, k] * phi[j, k]
                    r[i, k] = total
                    v[k] += phi[i, k] * total
            for i in range(d):
                for k in range(width):
                    # the derivative of v is 2Gφ − b = 2r + b
                    pull = (2 * r[i, k] + cross[e, i, k]) * v[k] + gram[e, d - 1, i, k] * r[
                        d - 1, k
                    ]
                    share = params[0, k]
                    out[i, k] += (2 - 2 * share) * r[i, k] / counts[k] + 8 * share * pull

    return gradient
