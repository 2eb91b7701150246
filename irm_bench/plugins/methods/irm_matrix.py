"""IRM with a full matrix Φ and a fixed w of ones, as the IRM paper's repository trains it.

The predictor is φ = Φw, w = (1, …, 1); the dummy classifier has a weight a column of Φ, and the
penalty is the mean over them of (∂R/∂w_j)²; with r = Gφ − b and Φ_j a column, ∂R/∂w_j = 2 Φ_jᵀr.

    error weight · Σ_e R_e + (1 − error weight) · Σ_e mean_j (∂R_e/∂w_j)²
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem
from irm_bench.engine.sums import add_up

LABEL = "IRM, matrix Φ"
COLOR = "#882255"
MARKER = "v"
DASH = "dashdot"
REFERENCE = "IRM paper's repository, code/experiment_synthetic"
PARAMS = {"error_weight": 1e-3}
LOSSES = ("squared",)


def initial(start: Tensor) -> Tensor:
    """Φ (d, d, run) with the start φ (d, run) on its diagonal: of ones, the identity."""
    return torch.diag_embed(start.T).permute(1, 2, 0).contiguous()


def predictor(parameters: Tensor) -> Tensor:
    """φ (d, run) of Φ (d, d, run): the sum of its columns."""
    return add_up(parameters.transpose(0, 1))


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, d, run) in Φ."""
    weight = problem.spread(problem.error_weight)
    columns = problem.spread(parameters)  # (d, column, pair)
    residual = slope.residual  # r (d, pair)
    along = add_up(columns * residual[:, None])  # Φ_jᵀr (column, pair)
    # d/dΦ of mean_j (2 Φ_jᵀr)²: through Φ_j itself, and through r = GΦw − b, in every column alike
    back = add_up((columns * along).transpose(0, 1))  # Σ_j Φ_j (Φ_jᵀr): (d, pair)
    through = add_up(problem.moments.gram * back[:, None])  # G is symmetric
    penalty = (residual[:, None] * along + through[:, None]).mul_(8 / len(parameters))
    return problem.total(2 * weight * residual[:, None] + (1 - weight) * penalty)


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same gradient of ``width`` runs, for numba (``engine/compiled.py``).

    With q = Φ1, r = Gq − b, a = Φᵀr and s = Φa, it is Σ_e [(2ε r + κ Gs)_i + κ r_i a_j], with ε the
    error weight and κ = 8 (1 − ε) / d.
    """

    def gradient(phi, gram, cross, counts, params, out):  # type: ignore[no-untyped-def]
        q = np.empty((d, width), phi.dtype)
        r = np.empty((d, width), phi.dtype)
        a = np.empty((d, width), phi.dtype)
        s = np.empty((d, width), phi.dtype)
        same = np.empty((d, width), phi.dtype)  # what is added to every column
        of_risk = np.empty(width, phi.dtype)
        kappa = np.empty(width, phi.dtype)
        for k in range(width):
            of_risk[k] = 2 * params[0, k]
            kappa[k] = (1 - params[0, k]) * 8 / d
        for i in range(d):
            for k in range(width):
                total = phi[i * d, k]
                for j in range(1, d):
                    total += phi[i * d + j, k]
                q[i, k] = total
        for e in range(len(gram)):
            for i in range(d):
                for k in range(width):
                    total = -cross[e, i, k]
                    for j in range(d):
                        total += gram[e, i, j, k] * q[j, k]
                    r[i, k] = total
            for j in range(d):
                for k in range(width):
                    total = phi[j, k] * r[0, k]
                    for i in range(1, d):
                        total += phi[i * d + j, k] * r[i, k]
                    a[j, k] = total
            for i in range(d):
                for k in range(width):
                    total = phi[i * d, k] * a[0, k]
                    for j in range(1, d):
                        total += phi[i * d + j, k] * a[j, k]
                    s[i, k] = total
            for i in range(d):
                for k in range(width):
                    total = gram[e, i, 0, k] * s[0, k]
                    for j in range(1, d):
                        total += gram[e, i, j, k] * s[j, k]
                    same[i, k] = of_risk[k] * r[i, k] + kappa[k] * total
                    r[i, k] *= kappa[k]
            for i in range(d):
                for j in range(d):
                    if e == 0:
                        for k in range(width):
                            out[i * d + j, k] = same[i, k] + r[i, k] * a[j, k]
                    else:
                        for k in range(width):
                            out[i * d + j, k] += same[i, k] + r[i, k] * a[j, k]

    return gradient
