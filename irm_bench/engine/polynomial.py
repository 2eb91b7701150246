"""Objectives that are one polynomial in φ: their gradient, the same few multiplications a step.

A penalty uᵀQu with a fixed Q, u being quadratic in φ, is quartic. Summed over a run's environments,
with the error beside it, its gradient is a cubic polynomial in φ, whatever their number.

One feature, two rows (x, y) = (1, 1) and (3, 1): the products are x² and xy, with means m̄ = (5, 2),
and u = (φ², −φ), for ∂_w of a row's loss is 2(φx)(φx − y). The plug-in part of the penalty is
4(uᵀm̄)² = 4(5φ² − 2φ)² = uᵀQu with Q = 4m̄m̄ᵀ = (100, 40; 40, 16). Its gradient in φ is
400φ³ − 240φ² + 32φ: over the monomials φ³, φ², φ, 1, the coefficients 400, −240, 32, 0. The error,
10φ − 4 times its weight, is added to the last two. Of the monomials (``_place``), φ³ is (0, 0, 0),
φ² is (0, 0, 1), as factor d = 1 is the constant 1, φ is (0, 1, 1), and 1 is (1, 1, 1). The square
has a side of 2: its rows are (φ³, φ²) and (φ, 1).
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement
from math import comb, isqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.problem import Draw, Problem, constant
from irm_bench.engine.sums import add_up, combine
from irm_bench.theory.moments import product_index


@cache
def _place(n_features: int) -> dict[tuple[int, ...], int]:
    """Where the monomial of three rising factors stands; the factor d is 1."""
    triples = combinations_with_replacement(range(n_features + 1), 3)
    return {triple: i for i, triple in enumerate(triples)}


@cache
def _side(n_features: int) -> int:
    """The side of the smallest square that has a place for every monomial."""
    return isqrt(comb(n_features + 3, 3) - 1) + 1


@constant
def _factors(n_features: int, device: torch.device) -> Tensor:
    """The factors (3 · side²,) of the monomials to degree 3; in places left over, 1."""
    triples = list(_place(n_features))
    triples += [(n_features,) * 3] * (_side(n_features) ** 2 - len(triples))
    return torch.tensor(triples, device=device).T.ravel()


def monomials(phi: Tensor) -> Tensor:
    """All products of three of (φ, 1), in a square: (side, side, run) of φ (d, run)."""
    extended = torch.cat([phi, torch.ones_like(phi[:1])])
    factors = extended.index_select(0, _factors(len(phi), phi.device))
    side = _side(len(phi))
    return factors.view(3, side, side, -1).prod(dim=0)


def gradient(phi: Tensor, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of the whole objective, for ``engine.descend``."""
    if not problem.cubic_rows:
        raise ValueError("the problem was not given the coefficients of its gradient")
    # Row by row of the square, then its rows: few operations, and each elementwise.
    rows = combine(problem.cubic_rows, monomials(phi).unsqueeze(2).unbind())
    return add_up(rows)


def kernel(d: int, width: int) -> Callable[..., Any]:
    """The same gradient of ``width`` runs, in the same order, for numba (``engine/compiled.py``).

    It takes the coefficients (1, side, side, d, width) as the moments of one environment.
    """
    side = _side(d)
    factors = _factors(d, torch.device("cpu")).view(3, side, side).numpy()

    def gradient(phi, cubic, cross, counts, params, out):  # type: ignore[no-untyped-def]
        extended = np.ones((d + 1, width), phi.dtype)
        of_column = np.empty((d, width), phi.dtype)
        monomial = np.empty(width, phi.dtype)
        for i in range(d):
            for k in range(width):
                extended[i, k] = phi[i, k]
        out[:] = 0
        for column in range(side):
            for row in range(side):
                first, second, third = factors[:, row, column]
                for k in range(width):
                    monomial[k] = extended[first, k] * extended[second, k] * extended[third, k]
                for i in range(d):
                    for k in range(width):
                        term = cubic[0, row, column, i, k] * monomial[k]
                        of_column[i, k] = of_column[i, k] + term if row > 0 else term
            for i in range(d):
                for k in range(width):
                    out[i, k] += of_column[i, k]

    return gradient


def gradient_coefficients(problem: Problem, quartic: Tensor) -> Tensor:
    """Coefficients (side, side, d, run) of the gradient of error weight · Σ risks + Σ uᵀQu.

    quartic: Q (P, P, pair), symmetric. With u_p = f_p φ_i φ_j, i and j the columns of product p and
    φ_d = 1, the derivative of uᵀQu in φ_k is 2 Σ_pq Q_pq f_p f_q (δ_ki φ_j + δ_kj φ_i) φ_i' φ_j'.
    """
    d, n_pairs = problem.moments.cross.shape
    place = _place(d)
    products = list(zip(*(index.tolist() for index in product_index(d)), strict=True))
    factors = [-1.0 if j == d else 1.0 + (i != j) for i, j in products]
    weighted = quartic * quartic.new_tensor(factors)[:, None]
    of_pairs = quartic.new_zeros(_side(d) ** 2, d, n_pairs)
    for p, (i, j) in enumerate(products):
        for k, other in ((i, j), (j, i)):
            if k < d:
                places = [place[tuple(sorted((other, *pair)))] for pair in products]
                to = torch.tensor(places, device=quartic.device)
                of_pairs[:, k].index_add_(0, to, weighted[p], alpha=2 * factors[p])
    cubic = _add_error(problem.slots.total(of_pairs), problem)
    return cubic.view(_side(d), _side(d), d, -1)


def _add_error(cubic: Tensor, problem: Problem) -> Tensor:
    """Add the gradient of the weighted risks, 2 error weight · Σ(Gφ − b)."""
    d, place = cubic.shape[1], _place(cubic.shape[1])
    moments, weight = problem.moments, 2 * problem.error_weight
    for j, row in enumerate(problem.slots.total(moments.gram)):
        cubic[place[j, d, d]] += weight * row
    cubic[place[d, d, d]] -= weight * problem.slots.total(moments.cross)
    return cubic
