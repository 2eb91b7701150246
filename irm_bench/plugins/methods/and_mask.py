"""AND-mask: the mean gradient, where the environments agree about its sign.

In every environment the gradient of the weights is divided by its length; that of the intercept,
which is the last weight, is not. Of E environments, a coordinate is stepped along the mean if
|Σ_e sign| > τE, which for τ ≥ 0.8 and E ≤ 10 is if all agree. The step is the gradient of nothing;
with decay γ and plain gradient descent of rate η it is

    φ ← φ − η · mask · mean_e g_e − η γ φ
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem
from irm_bench.engine.sums import add_up

LABEL = "AND-mask"
COLOR = "#aa3377"
MARKER = "s"
DASH = "dashed"
REFERENCE = "Parascandolo et al. 2020; Aubin et al. 2021"
ASSUMPTION = "Coordinates in which the environments' gradients disagree in sign are spurious."
MIN_ENVIRONMENTS = 2
NEEDS = ("intercept",)
# ``agreement`` is τ, and ``decay`` is γ: the optimiser's own weight decay is left at 0.
PARAMS = {"agreement": 0.9, "decay": 0.0}
IS_GRADIENT = False


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """What is stepped along (d, run)."""
    gradients = 2 * slope.residual
    weights, intercept = gradients[:-1], gradients[-1:]
    # the least positive number, in place of a length of 0
    length = add_up(weights**2).sqrt().clamp(min=torch.finfo(weights.dtype).tiny)
    directions = torch.cat([weights / length, intercept])
    agreement = problem.total(directions.sign()).abs()
    mask = agreement > problem.params["agreement"] * problem.n_environments
    return mask * problem.mean(directions) + problem.params["decay"] * parameters


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same step of ``width`` runs from moments, for numba (``engine/compiled.py``)."""
    tiny = float(np.finfo(float).tiny)

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        g = np.empty((d, width))
        length = np.empty(width)
        agreement = np.zeros((d, width))
        out[:] = 0
        for e in range(len(gram)):
            length[:] = 0
            for i in range(d):
                for k in range(width):
                    total = -cross[e, i, k]
                    for j in range(d):
                        total += gram[e, i, j, k] * phi[j, k]
                    g[i, k] = 2 * total
            for i in range(d - 1):
                for k in range(width):
                    length[k] += g[i, k] * g[i, k]
            for k in range(width):
                length[k] = max(np.sqrt(length[k]), tiny)
            for i in range(d - 1):
                for k in range(width):
                    g[i, k] /= length[k]
            for i in range(d):
                for k in range(width):
                    agreement[i, k] += np.sign(g[i, k])
                    out[i, k] += g[i, k]
        for i in range(d):
            for k in range(width):
                agrees = abs(agreement[i, k]) > params[0, k] * counts[k]
                step = out[i, k] / counts[k] if agrees else 0.0
                out[i, k] = step + params[1, k] * phi[i, k]

    return gradient
