"""Rows → moments, streamed in chunks: all that a linear predictor with squared loss can see.

For rows (x, y), x in R^d: ``gram`` G = XᵀX/n, ``cross`` b = Xᵀy/n and ``target`` c = yᵀy/n. The
risk of φ is φᵀGφ − 2φᵀb + c. ``mean`` holds the means of (x, y), which only correlations need.

*Products* are what the derivative of a row's loss along the dummy classifier w is linear in:
∂_w ℓ_i = 2 (φᵀx_i)(φᵀx_i − y_i) = 2 u(φ)ᵀ m_i, with m_i the products x_j x_k (j ≤ k) and x_j y.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from irm_bench.theory import small

Array = np.ndarray


@dataclass(frozen=True)
class Moments:
    """Second moments of one or many environments; leading axes are free, and shared by all.

    Arrays are numpy's or torch's. gram (..., d, d), cross (..., d), target (...), mean (..., d+1).
    """

    gram: Any
    cross: Any
    target: Any
    mean: Any = None

    @property
    def n_features(self) -> int:
        return int(self.gram.shape[-1])

    def at(self, index: Any) -> "Moments":
        """Index the leading axes."""
        mean = None if self.mean is None else self.mean[index]
        return Moments(self.gram[index], self.cross[index], self.target[index], mean)


def stack(parts: Iterable[Moments]) -> Moments:
    """Stack moments along a new leading axis."""
    parts = list(parts)
    means = None if any(p.mean is None for p in parts) else np.stack([p.mean for p in parts])
    return Moments(
        np.stack([p.gram for p in parts]),
        np.stack([p.cross for p in parts]),
        np.stack([p.target for p in parts]),
        means,
    )


def risk(phi: Array, moments: Moments) -> Array:
    """Mean squared error φᵀGφ − 2φᵀb + c of φ (..., d); leading axes broadcast.

    A seed's bits must not depend on how many seeds a job has, and einsum's order of summation
    follows the layout of φ in memory: it is given one.
    """
    phi = np.ascontiguousarray(phi)
    quadratic = _forms(phi, moments.gram)
    return quadratic - 2 * np.einsum("...i,...i->...", phi, moments.cross) + moments.target


def _forms(phi: Array, gram: Array) -> Array:
    """φᵀGφ; leading axes broadcast.

    With two features einsum sums one form or two in another order than many: that sum is written
    out.
    """
    if phi.shape[-1] != 2:
        return np.einsum("...i,...ij,...j->...", phi, gram, phi)
    first, second = phi[..., 0], phi[..., 1]
    mixed = gram[..., 0, 1] + gram[..., 1, 0]
    squares = first * first * gram[..., 0, 0] + second * second * gram[..., 1, 1]
    return squares + first * second * mixed


@cache
def product_index(n_features: int) -> tuple[Array, Array]:
    """Column pairs (j, k) of the products: x_j x_k for j ≤ k, then x_j y (y is column d)."""
    rows, columns = np.triu_indices(n_features)
    features = np.arange(n_features)
    return (
        np.concatenate([rows, features]),
        np.concatenate([columns, np.full(n_features, n_features)]),
    )


def products(x: Array, y: Array) -> Array:
    """Products of rows x (n, d), y (n,): array (P, n), P = d(d+1)/2 + d."""
    columns = [*np.ascontiguousarray(x.T), y]
    left, right = product_index(x.shape[1])
    result = np.empty((len(left), len(y)))
    for row, j, k in zip(result, left, right, strict=True):
        np.multiply(columns[j], columns[k], out=row)
    return result


@cache
def unpacking(n_features: int) -> Array:
    """Where among the products each entry of the symmetric gram stands, row by row, then of cross.

    Integers (d·d + d,).
    """
    index = np.empty((n_features, n_features), dtype=np.int64)
    rows, columns = np.triu_indices(n_features)
    index[rows, columns] = index[columns, rows] = np.arange(len(rows))
    return np.concatenate([index.ravel(), len(rows) + np.arange(n_features)])


def unpack_products(values: Any, n_features: int) -> tuple[Any, Any]:
    """Turn sums of products (P, ...) into their gram (d, d, ...) and cross (d, ...) parts.

    ``values`` is an array of numpy's or torch's, and so is what comes back.
    """
    rows = values[unpacking(n_features)]
    shape = (n_features, n_features, *values.shape[1:])
    return rows[:-n_features].reshape(shape), rows[-n_features:]


def gaussian_moments(
    rngs: Iterable[np.random.Generator], n_samples: int, population: Moments
) -> Moments:
    """Moments (rng, …) of n Gaussian rows of mean zero each, from their law: at no cost in n.

    The mean of the rows is N(0, Σ/n); their scatter about it is independent of it and Wishart with
    n − 1 degrees of freedom, drawn by its triangular factor (Bartlett 1933).

    Raises:
        ValueError: if there are no more rows than columns (x, y): the scatter is then singular.
    """
    cross = population.cross[:, None]
    covariance = np.block([[population.gram, cross], [cross.T, population.target]])
    size = len(covariance)
    if n_samples <= size:
        raise ValueError(f"{n_samples} rows have no Wishart law in {size} dimensions")
    below, freedom = np.tril_indices(size, -1), n_samples - 1 - np.arange(size)
    n_below = len(below[0])
    drawn = [(r.standard_normal(n_below + size), r.chisquare(freedom)) for r in rngs]
    normals, squares = (np.array(part) for part in zip(*drawn, strict=True))
    # Columns: the factor of the scatter, and the mean times √n.
    factor = np.zeros((len(normals), size, size + 1))
    factor[:, *below] = normals[:, :n_below]
    factor[:, range(size), range(size)] = np.sqrt(squares)
    factor[:, :, size] = normals[:, n_below:]
    root = small.multiply(small.cholesky(covariance), factor) / np.sqrt(n_samples)
    second = small.multiply(root, root.transpose(0, 2, 1))
    return Moments(second[:, :-1, :-1], second[:, :-1, -1], second[:, -1, -1], root[:, :, -1])


def _pair_sums(columns: Array) -> Array:
    """Sums of the products of all pairs of columns (k, n): the symmetric array (k, k).

    By einsum, not BLAS: the same bits for every number of threads.
    """
    sums = np.empty((len(columns), len(columns)))
    for i, column in enumerate(columns):
        sums[i, i:] = sums[i:, i] = np.einsum("jn,n->j", columns[i:], column)
    return sums


class Accumulator:
    """Sums rows chunk by chunk, so that memory does not grow with n; equal chunks, equal bits."""

    def __init__(self, n_features: int, with_covariance: bool = False):
        n_products = len(product_index(n_features)[0])
        self.n_rows = 0
        self._gram = np.zeros((n_features, n_features))
        self._cross = np.zeros(n_features)
        self._target = np.float64(0)
        self._first = np.zeros(n_features + 1)
        self._squares = np.zeros((n_products, n_products)) if with_covariance else None

    def add(self, x: Array, y: Array) -> None:
        """Add rows x (n, d), y (n,)."""
        columns = np.ascontiguousarray(x.T)
        self.n_rows += len(y)
        self._gram += _pair_sums(columns)
        self._cross += np.einsum("jn,n->j", columns, y)
        self._target += np.einsum("n,n->", y, y)
        self._first += [*columns.sum(axis=1), y.sum()]
        if self._squares is not None:
            self._squares += _pair_sums(products(x, y))

    def moments(self) -> Moments:
        sums = (self._gram, self._cross, self._target, self._first)
        return Moments(*(total / self.n_rows for total in sums))

    def covariance(self) -> Array:
        """Sample covariance (P, P) of the products, ddof = 1."""
        if self._squares is None:
            raise ValueError("this accumulator was not asked for covariances")
        mean = np.append(self._gram[np.triu_indices_from(self._gram)], self._cross) / self.n_rows
        centred = self._squares / self.n_rows - np.outer(mean, mean)
        return centred * (self.n_rows / (self.n_rows - 1))
