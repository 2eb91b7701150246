"""IGA (inter-environmental gradient alignment): the gradients of the risks are to agree.

Koyama and Yamaguchi 2020, with the trace of the variance of the gradients as the sum over
environments that the linear unit tests (Aubin et al. 2021) write it as.

    mean_e R_e + λ · Σ_e ‖∇R_e − mean ∇R‖²
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "IGA"
COLOR = "#999933"
MARKER = "X"
DASH = "dashdot"
REFERENCE = "Koyama and Yamaguchi 2020; Aubin et al. 2021"
ASSUMPTION = "At the invariant predictor the gradients of the risks agree."
MIN_ENVIRONMENTS = 2
PARAMS = {"gradient_weight": 1000.0}
LIMIT = {"gradient_weight": 1e9}


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run), with r = ∇R/2: of the variance it is 8 Σ_e H_e (r_e − mean r) / 2.

    The deviations sum to zero, so that the mean adds nothing.
    """
    mean = problem.mean(slope.residual)
    deviations = slope.residual - problem.spread(mean)
    of_variance = problem.total(slope.along(deviations))
    return 2 * mean + 8 * problem.params["gradient_weight"] * of_variance


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same gradient of ``width`` runs from moments, for numba (``engine/compiled.py``)."""

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        n_environments = len(gram)
        r = np.empty((n_environments, d, width))
        mean = np.zeros((d, width))
        for e in range(n_environments):
            for i in range(d):
                for k in range(width):
                    total = -cross[e, i, k]
                    for j in range(d):
                        total += gram[e, i, j, k] * phi[j, k]
                    r[e, i, k] = total
                    mean[i, k] += total / counts[k]
        for i in range(d):
            for k in range(width):
                out[i, k] = 2 * mean[i, k]
        # an environment that a run does not have is one of zeros, and adds nothing
        for e in range(n_environments):
            for i in range(d):
                for k in range(width):
                    r[e, i, k] -= mean[i, k]
            for i in range(d):
                for k in range(width):
                    total = gram[e, i, 0, k] * r[e, 0, k]
                    for j in range(1, d):
                        total += gram[e, i, j, k] * r[e, j, k]
                    out[i, k] += 8 * params[0, k] * total

    return gradient
