"""The IRM objective with the unbiased penalty on finite rows, and where its descent ends.

The mean of split-half over all splits is the U-statistic 4[(uᵀm̄)² − uᵀ(C/n)u] (``moments.py``,
``penalties/u_statistic.py``). Training on fresh splits descends this objective on average, so its
minimum is the converged counterpart of both. The subtracted term is the variance of the mean
gradient: as the population's penalty is flat along its zeros, minimising on one sample drifts to
where that term happens to be large, and the objective can be negative.

Shapes as in ``theory.py``; product_variance C/n is (..., E, P, P).
"""

from dataclasses import dataclass

import numpy as np

from irm_bench import theory
from irm_bench.theory import Minimum, small
from irm_bench.theory.moments import Array, Moments, product_index, unpack_products


@dataclass(frozen=True)
class Unbiased:
    """Objectives of a flat batch: moments (R, E, …), product_variance (R, E, P, P), weight (R,)."""

    moments: Moments
    product_variance: Array
    error_weight: Array

    def at(self, index: Array) -> "Unbiased":
        return Unbiased(
            self.moments.at(index), self.product_variance[index], self.error_weight[index]
        )

    def value(self, phi: Array) -> Array:
        """(R,) of φ (R, d)."""
        u = theory.quadratic_coefficients(phi)
        spread = small.dot(self._weighted(u), u)
        return theory.objective(phi, self.moments, self.error_weight) - 4 * spread

    def gradient(self, phi: Array) -> Array:
        """(R, d)."""
        weighted = self._weighted(theory.quadratic_coefficients(phi))
        along = small.apply(np.swapaxes(_slope(phi), 1, 2), weighted)
        return theory.gradient(phi, self.moments, self.error_weight) - 8 * along

    def hessian(self, phi: Array) -> Array:
        """(R, d, d)."""
        weighted = self._weighted(theory.quadratic_coefficients(phi))
        # u is quadratic in φ: its second derivative gathers the weights of the products x_j x_k
        bend = 2 * np.moveaxis(unpack_products(weighted.T, phi.shape[-1])[0], -1, 0)
        slope = _slope(phi)
        half = small.multiply(self.product_variance.sum(axis=1), slope)
        outer = small.multiply(np.swapaxes(slope, 1, 2), half)
        return theory.hessian(phi, self.moments, self.error_weight) - 8 * (outer + bend)

    def _weighted(self, u: Array) -> Array:
        """Σ_e (C_e/n) u (R, P)."""
        return small.apply(self.product_variance, u[:, None, :]).sum(axis=1)


def _slope(phi: Array) -> Array:
    """∂u/∂φ (R, P, d)."""
    d = phi.shape[-1]
    left, right = (index[:-d] for index in product_index(d))
    pair = np.where(left == right, 1.0, 2.0)
    slope = np.zeros((len(phi), len(left) + d, d))
    rows = np.arange(len(left))
    slope[:, rows, left] += pair * phi[:, right]
    slope[:, rows, right] += pair * phi[:, left]
    slope[:, len(left) + np.arange(d), np.arange(d)] = -1
    return slope


def minimise(
    problem: Unbiased,
    start: Array,
    max_move: float = 0.1,
    tolerance: float = 1e-12,
    max_iterations: int = 2000,
) -> Minimum:
    """The minimum in whose basin ``start`` (R, d) lies: the gradient flow, as ``theory.minimise``.

    ``converged`` says that the gradient is small against its rounding error. Starts must be finite.
    """
    phi = np.array(start, dtype=float)
    span = 0.1 / _norm(problem.hessian(phi).reshape(len(phi), -1))
    converged = np.zeros(len(phi), dtype=bool)
    active = np.arange(len(phi))
    for _ in range(max_iterations):
        if not len(active):
            break
        part = problem.at(active)
        phi[active], span[active] = _flow_step(part, phi[active], span[active], max_move)
        scale = _norm(part.hessian(phi[active]).reshape(len(active), -1)) * (1 + _norm(phi[active]))
        converged[active] = _norm(part.gradient(phi[active])) <= tolerance * scale
        active = active[~converged[active]]
    return Minimum(phi, problem.value(phi), _norm(problem.gradient(phi)), converged)


def _flow_step(problem: Unbiased, phi: Array, span: Array, max_move: float) -> tuple[Array, Array]:
    """One implicit Euler step of the gradient flow, or none: the next φ (R, d) and span (R,)."""
    trial, correction = phi, np.zeros_like(phi)
    damping = (1 / span)[:, None]
    for _ in range(theory.NEWTON_ITERATIONS):
        slope = problem.gradient(trial) + damping * (trial - phi)
        curvature = problem.hessian(trial) + damping[..., None] * np.eye(phi.shape[-1])
        correction = small.solve(curvature, -slope)
        trial = trial + correction
    move, size = _norm(trial - phi), 1 + _norm(phi)
    falls = problem.value(trial) <= problem.value(phi)
    accepted = (move <= max_move * size) & (falls | (move <= 1e-6 * size))
    accepted &= _norm(correction) <= theory.NEWTON_ACCURACY * move
    return np.where(accepted[:, None], trial, phi), span * np.where(accepted, 3.0, 0.25)


def _norm(vectors: Array) -> Array:
    return np.sqrt(small.dot(vectors, vectors))
