"""Objectives that are one polynomial in φ: their gradient, the same few multiplications a step.

A penalty uᵀQu with a fixed Q, u being quadratic in φ, is quartic. Summed over a run's environments,
with the error beside it, its gradient is a cubic polynomial in φ, whatever their number.
"""

from functools import cache
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from irm_bench.engine import Problem, combine
from irm_bench.moments import product_index


@cache
def _triples(n_features: int, device: torch.device) -> Tensor:
    """The factors (3, M) of every monomial to degree 3, rising; the index d stands for 1."""
    triples = list(combinations_with_replacement(range(n_features + 1), 3))
    return torch.tensor(triples, device=device).T.contiguous()


@cache
def _place(n_features: int) -> dict[tuple[int, ...], int]:
    """Where the monomial of three rising factors stands."""
    triples = combinations_with_replacement(range(n_features + 1), 3)
    return {triple: i for i, triple in enumerate(triples)}


def monomials(phi: Tensor) -> Tensor:
    """All products of three of (φ, 1): (M, run) of φ (d, run)."""
    extended = torch.cat([phi, torch.ones_like(phi[:1])])
    first, second, third = _triples(len(phi), phi.device)
    return (
        extended.index_select(0, first)
        .mul_(extended.index_select(0, second))
        .mul_(extended.index_select(0, third))
    )


def gradient(cubic: Tensor, phi: Tensor) -> Tensor:
    """Gradient (d, run) at φ (d, run) from its coefficients (M, d, run)."""
    return combine(cubic, monomials(phi))


def gradient_coefficients(problem: Problem, quartic: Tensor) -> Tensor:
    """Coefficients (M, d, run) of the gradient of error weight · Σ risks + Σ uᵀQu.

    quartic: Q (P, P, pair), symmetric. With u_p = f_p φ_l φ_r, φ_d being 1, the derivative of the
    penalty in φ_k is 2 Σ_pq Q_pq f_p f_q (δ_kl φ_r + δ_kr φ_l) φ_l' φ_r'.
    """
    d, n_pairs = problem.moments.cross.shape
    place = _place(d)
    found = quartic.new_zeros(len(place), d, n_pairs)
    left, right = (index.tolist() for index in product_index(d))
    factors = [-1.0 if r == d else 1.0 + (l != r) for l, r in zip(left, right, strict=True)]
    weighted = quartic * quartic.new_tensor(factors)[:, None]
    for p, (l, r) in enumerate(zip(left, right, strict=True)):
        for k, other in ((l, r), (r, l)):
            if k < d:
                places = [place[tuple(sorted((other, a, b)))] for a, b in zip(left, right)]
                to = torch.tensor(places, device=quartic.device)
                found[:, k].index_add_(0, to, weighted[p], alpha=2 * factors[p])
    return problem.slots.total(found) + _error(problem, found)
