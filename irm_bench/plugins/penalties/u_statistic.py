"""U-statistic estimator: the mean of the split-half estimate over all balanced splits.

The mean of (uᵀD)² over splits is uᵀCu / n with C the sample covariance of the products, so the
estimate is 4[(uᵀm̄)² − uᵀCu / n]: as unbiased as split-half, with no randomness of its own.
"""

import torch
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem, Quadratic, Slope, constant
from irm_bench.engine.sums import combine
from irm_bench.theory.moments import product_index, unpacking

LABEL = "U-statistic"
COLOR = "#009e73"
MARKER = "^"
DASH = "dashdot"
REFERENCE = "Hoeffding 1948; the limit of Appendix D's estimator over all splits"
STORY = "the mean of the split-half estimate over all balanced splits"
NEEDS = ("product_variance",)
# The estimator that is the mean of this one over its own randomness.
MEAN = "u_statistic"


def value(slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """4[(uᵀm̄)² − uᵀ(C/n)u], per pair."""
    return 4 * (slope.value**2 - _spread(slope, problem).value)


def gradient(slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient in φ, per pair (d, pair)."""
    whole = slope.gradient * slope.value
    return whole.sub_(_spread(slope, problem).gradient).mul_(8)


def quartic(problem: Problem) -> Tensor:
    """Q (P, P, pair) of the penalty uᵀQu: 4(m̄m̄ᵀ − C/n)."""
    i, j = product_index(len(problem.moments.cross))
    mean = torch.cat([problem.moments.gram, problem.moments.cross[None]])[j, i]
    return 4 * (mean[:, None] * mean - problem.product_variance)


def _spread(slope: AnySlope, problem: Problem) -> Slope:
    """uᵀ(C/n)u as a slope: with w = (C/n)u it is uᵀw, and its gradient twice that at fixed w."""
    weighted = combine(problem.product_variance.unbind(), _coefficients(slope.phi).unbind())
    rows = weighted.index_select(0, _unpacking(len(slope.phi), weighted.device))
    return Slope(slope.phi, Quadratic.of_rows(rows))


def _coefficients(phi: Tensor) -> Tensor:
    """u (P, pair): the coefficients of (φᵀx)(φᵀx − y) in the products."""
    left, right, factor = _index(len(phi), phi.device)
    extended = torch.cat([phi, torch.ones_like(phi[:1])])
    return extended.index_select(0, left).mul_(extended.index_select(0, right)).mul_(factor)


@constant
def _index(n_features: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each product its two columns (P,), and the factor (P, 1) that it has in u."""
    left, right = (torch.as_tensor(i, device=device) for i in product_index(n_features))
    mixed = torch.where(left == right, 1.0, 2.0).double()
    return left, right, torch.where(right < n_features, mixed, -1.0)[:, None]


@constant
def _unpacking(n_features: int, device: torch.device) -> Tensor:
    return torch.as_tensor(unpacking(n_features), device=device)
