"""Linear algebra of small matrices in plain arithmetic of fixed order: the same bits everywhere.

The libraries behind numpy's ``@`` and ``linalg`` choose their kernels by the processor, and each
kernel adds up in an order of its own. What goes into a table is therefore computed here, by
additions, multiplications, divisions and square roots of whole arrays, which every processor rounds
alike. Leading axes are a batch, and a matrix's bits do not depend on the others of its batch.
"""

from functools import reduce
from typing import Any

import numpy as np

Array = np.ndarray
# Sweeps of Jacobi's method: eight are enough for a hundred features, and one more costs nothing.
MAX_SWEEPS = 40
# An entry so small beside the two eigenvalues that it couples is not rotated away.
NEGLIGIBLE = 2.0**-54


def dot(left: Any, right: Any) -> Array:
    """Σ_j left_j right_j over the last axis; leading axes broadcast."""
    left, right = np.asarray(left), np.asarray(right)
    products = (left[..., j] * right[..., j] for j in range(left.shape[-1]))
    return reduce(np.add, products, np.zeros(()))


def apply(matrix: Any, vector: Any) -> Array:
    """The matrix (..., i, j) times the vector (..., j): (..., i)."""
    return dot(matrix, np.asarray(vector)[..., None, :])


def multiply(left: Any, right: Any) -> Array:
    """The product (..., i, k) of matrices (..., i, j) and (..., j, k)."""
    left, right = np.asarray(left), np.asarray(right)
    products = (left[..., :, j, None] * right[..., None, j, :] for j in range(left.shape[-1]))
    return reduce(np.add, products)


def form(vector: Any, matrix: Any, other: Any = None) -> Array:
    """vᵀMv of vectors (..., j) and matrices (..., j, j), or vᵀMw with ``other`` w."""
    return dot(vector, apply(matrix, vector if other is None else other))


def solve(matrix: Any, right: Any) -> Array:
    """x (..., d) with matrix x = right, by elimination with partial pivots.

    Where a matrix is singular, x is not finite.
    """
    matrix, right = np.asarray(matrix, dtype=float), np.asarray(right, dtype=float)
    d = matrix.shape[-1]
    axes = np.broadcast_shapes(matrix.shape[:-2], right.shape[:-1])
    # equations (row, column, batch): an operation runs along whole batches
    rows = np.empty((d, d + 1, *axes))
    rows[:, :d] = np.moveaxis(np.broadcast_to(matrix, (*axes, d, d)), (-2, -1), (0, 1))
    rows[:, d] = np.moveaxis(np.broadcast_to(right, (*axes, d)), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for k in range(d):
            _swap_in_pivot(rows, k)
            for i in range(k + 1, d):
                rows[i, k + 1 :] -= rows[i, k] / rows[k, k] * rows[k, k + 1 :]
        for k in reversed(range(d)):
            for j in range(k + 1, d):
                rows[k, d] -= rows[k, j] * rows[j, d]
            rows[k, d] /= rows[k, k]
    return np.moveaxis(rows[:, d], 0, -1)


def _swap_in_pivot(rows: Array, k: int) -> None:
    """Exchange row k and the one below it, batch by batch, that has the largest entry there."""
    largest = np.abs(rows[k:, k]).argmax(axis=0)
    if not largest.any():
        return
    for i in range(k + 1, len(rows)):
        here = largest == i - k
        rows[k], rows[i] = np.where(here, rows[i], rows[k]), np.where(here, rows[k], rows[i])


def cholesky(matrix: Any) -> Array:
    """The lower triangular L (..., d, d) with LLᵀ = matrix; NaN where it is not positive."""
    matrix = np.asarray(matrix, dtype=float)
    lower = np.zeros_like(matrix)
    with np.errstate(divide="ignore", invalid="ignore"):
        for j in range(matrix.shape[-1]):
            row = lower[..., j, :j]
            lower[..., j, j] = np.sqrt(matrix[..., j, j] - dot(row, row))
            for i in range(j + 1, matrix.shape[-1]):
                rest = matrix[..., i, j] - dot(lower[..., i, :j], row)
                lower[..., i, j] = rest / lower[..., j, j]
    return lower


def eigen(matrix: Any) -> tuple[Array, Array]:
    """Eigenvalues (..., d), in no order, and eigenvectors (..., d, d), as columns.

    By Jacobi's rotations, for symmetric matrices. In each sweep every pair of coordinates is
    turned until the entry between them is gone; a rotation that would change nothing is left out,
    so that a matrix that is done stays as it is while others of its batch go on.
    """
    matrix = np.asarray(matrix, dtype=float)
    d = matrix.shape[-1]
    # (row, column, batch), as in ``solve``
    turned = np.moveaxis(matrix, (-2, -1), (0, 1)).copy()
    vectors = np.zeros_like(turned)
    vectors[range(d), range(d)] = 1.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(MAX_SWEEPS):
            pairs = [(p, q) for p in range(d) for q in range(p + 1, d)]
            if not sum(_rotate(turned, vectors, p, q) for p, q in pairs):
                break
    values = turned[range(d), range(d)]
    return np.moveaxis(values, 0, -1), np.moveaxis(vectors, (0, 1), (-2, -1))


def _rotate(matrix: Array, vectors: Array, p: int, q: int) -> bool:
    """Turn coordinates p and q until the entry between them is 0; whether there was one."""
    between, first, second = matrix[p, q].copy(), matrix[p, p].copy(), matrix[q, q].copy()
    is_there = np.abs(between) > NEGLIGIBLE * np.sqrt(np.abs(first) * np.abs(second))
    if not is_there.any():
        return False
    # the smaller root of t² + 2θt = 1, the tangent of the angle (Golub and Van Loan, 8.5)
    theta = (second - first) / (2 * between)
    sign = np.where(theta < 0, -1.0, 1.0)
    tangent = np.where(is_there, sign / (np.abs(theta) + np.sqrt(theta * theta + 1)), 0.0)
    cosine = 1 / np.sqrt(tangent * tangent + 1)
    sine = tangent * cosine
    for columns in (matrix, vectors):
        left, right = columns[:, p].copy(), columns[:, q].copy()
        columns[:, p] = cosine * left - sine * right
        columns[:, q] = sine * left + cosine * right
    upper, lower = matrix[p].copy(), matrix[q].copy()
    matrix[p] = cosine * upper - sine * lower
    matrix[q] = sine * upper + cosine * lower
    matrix[p, p] = first - tangent * between
    matrix[q, q] = second + tangent * between
    matrix[p, q] = matrix[q, p] = np.where(is_there, 0.0, between)
    return True


def orthogonal(matrix: Any) -> Array:
    """The Q (d, d) of matrix = QR, R with a positive diagonal: its columns made orthonormal.

    Twice, as Gram and Schmidt do once: what rounding left of the others is then gone.
    """
    columns = list(np.asarray(matrix, dtype=float).T)
    for j, column in enumerate(columns):
        for earlier in (*columns[:j], *columns[:j]):
            column = column - dot(earlier, column) * earlier
        columns[j] = column / np.sqrt(dot(column, column))
    return np.stack(columns, axis=1)
