"""U-statistic estimator: the mean of the split-half estimate over all balanced splits.

The mean of (uᵀD)² over splits is uᵀCu / n with C the sample covariance of the products, so the
estimate is 4[(uᵀm̄)² − uᵀCu / n]: as unbiased as split-half, with no randomness of its own.
"""

import torch
from torch import Tensor

from irm_bench.engine import Draw, Problem, Quadratic, Slope
from irm_bench.moments import product_index, unpack_products

LABEL = "U-statistic"
COLOR = "#009e73"
MARKER = "^"
DASH = "dashdot"
REFERENCE = "Hoeffding 1948; the limit of Appendix D's estimator over all splits"
NEEDS = ("product_variance",)
# The estimator that is the mean of this one over its own randomness.
MEAN = "u_statistic"


def value(slope: Slope, problem: Problem, draw: Draw) -> Tensor:
    """4[(uᵀm̄)² − uᵀ(C/n)u], per pair."""
    return 4 * (slope.value**2 - _spread(slope, problem).value)


def gradient(slope: Slope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient in φ, per pair (d, pair)."""
    whole = slope.gradient.mul_(slope.value)
    return whole.sub_(_spread(slope, problem).gradient).mul_(8)


def _spread(slope: Slope, problem: Problem) -> Slope:
    """uᵀ(C/n)u as a slope: with w = (C/n)u it is uᵀw, and its gradient twice that at fixed w."""
    variance = problem.product_variance
    if variance is None:
        raise ValueError("the U-statistic needs the covariance of the mean products")
    coefficients = _coefficients(slope.phi)
    weighted = variance[0] * coefficients[0]
    for p in range(1, len(coefficients)):
        weighted.addcmul_(variance[p], coefficients[p])
    return Slope(slope.phi, _as_quadratic(weighted, len(slope.phi)))


def _coefficients(phi: Tensor) -> Tensor:
    """u (P, pair): the coefficients of (φᵀx)(φᵀx − y) in the products."""
    left, right = (torch.as_tensor(i, device=phi.device) for i in product_index(len(phi)))
    extended = torch.cat([phi, -torch.ones_like(phi[:1])])
    twice = torch.where((left != right) & (right < len(phi)), 2.0, 1.0)
    return extended[left] * extended[right] * twice.to(phi)[:, None]


def _as_quadratic(values: Tensor, n_features: int) -> Quadratic:
    return Quadratic(*unpack_products(values, n_features))
