"""The steps of ``flow.py`` in compiled loops: one start after the other, number by number.

They are thousands of steps on arrays of four numbers, of which calls of numpy would take a hundred
times as long. Sums are in a fixed order, and nothing is fused: the bits are the same everywhere.
Shapes: gram (E, d, d), cross (E, d), target (E,), φ (d,); the axis of starts is the first.
"""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from irm_bench.machine_code import compiled, kept

# Each implicit step gets so many Newton iterations, the last of which may correct it by this share.
NEWTON_ITERATIONS = 3
NEWTON_ACCURACY = 0.1


@cache
def follow() -> Callable[..., None]:
    """Compiled: (gram, cross, target, weight, phi, converged, max_move, tolerance, max_iterations).

    It moves each φ (start, d) to the end of its flow, and says whether it got there.
    """
    of_objective, solve = _objective(), compiled(_solve)
    value, gradient, hessian = of_objective.value, of_objective.gradient, of_objective.hessian
    norm = of_objective.norm

    @compiled
    def is_stationary(gram, cross, weight, phi, tolerance):  # type: ignore[no-untyped-def]
        """Whether the gradient is small against its own rounding error."""
        scale = norm(hessian(gram, cross, weight, phi).ravel()) * (1 + norm(phi))
        return norm(gradient(gram, cross, weight, phi)) <= tolerance * scale

    @compiled
    def step(gram, cross, target, weight, phi, span, max_move):  # type: ignore[no-untyped-def]
        """One implicit Euler step of the gradient flow, or none: the next φ and span."""
        d = len(phi)
        trial, correction, damping = phi.copy(), np.zeros(d), 1 / span
        for _ in range(NEWTON_ITERATIONS):
            slope = gradient(gram, cross, weight, trial)
            curvature = hessian(gram, cross, weight, trial)
            for i in range(d):
                slope[i] = -(slope[i] + damping * (trial[i] - phi[i]))
                curvature[i, i] += damping
            correction = solve(curvature, slope)
            trial = trial + correction
        move, size = norm(trial - phi), 1 + norm(phi)
        falls = value(gram, cross, target, weight, trial) <= value(gram, cross, target, weight, phi)
        # the objective's own rounding error says nothing of the smallest moves
        is_allowed = move <= max_move * size and (falls or move <= 1e-6 * size)
        if is_allowed and norm(correction) <= NEWTON_ACCURACY * move:
            return trial, span * 3
        return phi, span * 0.25

    @kept
    def follow_all(  # type: ignore[no-untyped-def]
        gram, cross, target, weight, phi, converged, max_move, tolerance, max_iterations
    ):
        for r in range(len(phi)):
            curvature = norm(hessian(gram[r], cross[r], weight[r], phi[r]).ravel())
            if not np.isfinite(curvature):
                continue
            here, span = phi[r].copy(), 0.1 / curvature
            for _ in range(max_iterations):
                converged[r] = is_stationary(gram[r], cross[r], weight[r], here, tolerance)
                if converged[r]:
                    break
                here, span = step(gram[r], cross[r], target[r], weight[r], here, span, max_move)
            for i in range(len(here)):  # of a whole row numba would compile an error's text too
                phi[r, i] = here[i]

    return follow_all


@cache
def descend() -> Callable[..., None]:
    """Compiled: (gram, cross, weight, with_penalty, rate, phi, n_steps).

    It takes each φ (start, d) so many steps of gradient descent further.
    """
    of_objective = _objective()
    gradient, error_gradient = of_objective.gradient, of_objective.error_gradient

    @kept
    def descend_all(gram, cross, weight, with_penalty, rate, phi, n_steps):  # type: ignore[no-untyped-def]
        for r in range(len(phi)):
            for _ in range(n_steps):
                if with_penalty:
                    slope = gradient(gram[r], cross[r], weight[r], phi[r])
                else:
                    slope = weight[r] * error_gradient(gram[r], cross[r], phi[r])
                for i in range(len(slope)):
                    phi[r, i] -= rate[r] * slope[i]

    return descend_all


@cache
def _objective() -> Any:
    """IRM's objective of one φ, compiled: ``objectives.py`` has the same for arrays of them."""
    residuals, norm = compiled(_residuals), compiled(_norm)

    @compiled
    def value(gram, cross, target, weight, phi):  # type: ignore[no-untyped-def]
        _, q, _ = residuals(gram, cross, phi)
        risks, squares = 0.0, 0.0
        for e in range(len(q)):
            along = 0.0
            for i in range(len(phi)):
                along += cross[e, i] * phi[i]
            risks += q[e] - along + target[e]
            squares += q[e] * q[e]
        return weight * risks + 4 * squares

    @compiled
    def error_gradient(gram, cross, phi):  # type: ignore[no-untyped-def]
        residual, _, _ = residuals(gram, cross, phi)
        total = np.zeros(len(phi))
        for e in range(len(cross)):
            for i in range(len(phi)):
                total[i] += residual[e, i]
        return 2 * total

    @compiled
    def gradient(gram, cross, weight, phi):  # type: ignore[no-untyped-def]
        residual, q, slope = residuals(gram, cross, phi)
        total = np.zeros(len(phi))
        for e in range(len(q)):
            for i in range(len(phi)):
                total[i] += 2 * weight * residual[e, i] + 8 * q[e] * slope[e, i]
        return total

    @compiled
    def hessian(gram, cross, weight, phi):  # type: ignore[no-untyped-def]
        d = len(phi)
        _, q, slope = residuals(gram, cross, phi)
        total = np.zeros((d, d))
        for e in range(len(q)):
            of_gram = 2 * weight + 16 * q[e]
            for i in range(d):
                for j in range(d):
                    total[i, j] += of_gram * gram[e, i, j] + 8 * slope[e, i] * slope[e, j]
        return total

    return SimpleNamespace(
        value=value, error_gradient=error_gradient, gradient=gradient, hessian=hessian, norm=norm
    )


def _residuals(gram, cross, phi):  # type: ignore[no-untyped-def]
    """G_e φ − b_e (E, d), q_e = φᵀ(G_e φ − b_e) (E,) and ∇q_e = 2 G_e φ − b_e (E, d)."""
    n_environments, d = cross.shape
    residual, q = np.empty((n_environments, d)), np.zeros(n_environments)
    slope = np.empty((n_environments, d))
    for e in range(n_environments):
        for i in range(d):
            image = 0.0
            for j in range(d):
                image += gram[e, i, j] * phi[j]
            residual[e, i] = image - cross[e, i]
            slope[e, i] = residual[e, i] + image
            q[e] += residual[e, i] * phi[i]
    return residual, q, slope


def _norm(vector):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(vector)):
        total += vector[i] * vector[i]
    return np.sqrt(total)


def _solve(matrix, right):  # type: ignore[no-untyped-def]
    """x (d,) with matrix x = right, as ``small.solve``; both are written to."""
    d = len(right)
    for k in range(d):
        pivot = k
        for i in range(k + 1, d):
            if np.abs(matrix[i, k]) > np.abs(matrix[pivot, k]):
                pivot = i
        for j in range(d):
            matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        right[k], right[pivot] = right[pivot], right[k]
        for i in range(k + 1, d):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, d):
                matrix[i, j] -= factor * matrix[k, j]
            right[i] -= factor * right[k]
    for k in range(d - 1, -1, -1):
        for j in range(k + 1, d):
            right[k] -= matrix[k, j] * right[j]
        right[k] /= matrix[k, k]
    return right
