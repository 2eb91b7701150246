"""Where descent leads: the gradient flow of IRM's objective, its minima, and the path of its steps.

Shapes as in ``objectives.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from irm_bench.theory import small
from irm_bench.theory.moments import Array, Moments
from irm_bench.theory.objectives import error_gradient, gradient, hessian, objective

# Each implicit step gets so many Newton iterations, the last of which may correct it by this share.
NEWTON_ITERATIONS = 3

NEWTON_ACCURACY = 0.1


@dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended: phi (..., d); objective, gradient_norm, converged (...)."""

    phi: Array
    objective: Array
    gradient_norm: Array
    converged: Array


def _norm(vectors: Array) -> Array:
    return np.sqrt(small.dot(vectors, vectors))


def minimise(
    moments: Moments,
    error_weight: Any,
    start: Array,
    max_move: float = 0.1,
    tolerance: float = 1e-14,
    max_iterations: int = 2000,
) -> Minimum:
    """Minimiser of the IRM objective in whose basin ``start`` (..., d) lies, for a whole batch.

    Follows the gradient flow dφ/dt = −∇ by implicit Euler steps, each the local minimiser of
    objective + ‖· − φ‖² / (2 · span), found by Newton (proximal point method; as pseudo-transient
    continuation, Kelley & Keyes 1998). The time span of a step starts far below the shortest time
    scale and grows while steps succeed, so that the last ones are plain Newton steps. A step that
    raises the objective, or moves φ by more than ``max_move`` · (1 + ‖φ‖), is undone and shortened,
    so that it cannot jump to another basin.

    ``converged`` says ‖∇‖ ≤ tolerance · ‖Hessian‖ · (1 + ‖φ‖), about its rounding error, and
    nothing of the curvature: error weight 0 ends on the set of the penalty's zeros, to an accuracy
    that falls with the curvature there, and a start on a saddle point stays there. A start that is
    not finite is returned as it is. Error weights () or (...); results do not depend on the batch.
    """
    axes = np.broadcast_shapes(
        np.shape(start)[:-1], moments.gram.shape[:-3], np.shape(error_weight)
    )
    flat, weight = _flatten(moments, error_weight, axes)
    phi = np.broadcast_to(np.asarray(start, dtype=float), (*axes, moments.n_features))
    phi = phi.reshape(-1, moments.n_features).copy()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        curvature = _norm(hessian(phi, flat, weight).reshape(len(phi), -1))
        span, converged = 0.1 / curvature, np.zeros(len(phi), dtype=bool)
        active = np.flatnonzero(np.isfinite(curvature))
        for _ in range(max_iterations if len(active) else 0):
            converged[active] = _stationary(phi[active], flat.at(active), weight[active], tolerance)
            active = active[~converged[active]]
            if not len(active):
                break
            phi[active], span[active] = _flow_step(
                phi[active], flat.at(active), weight[active], span[active], max_move
            )
        value = objective(phi, flat, weight)
        norm = _norm(gradient(phi, flat, weight))
    return Minimum(phi.reshape(*axes, -1), *(a.reshape(axes) for a in (value, norm, converged)))


def _flatten(moments: Moments, error_weight: Any, axes: tuple[int, ...]) -> tuple[Moments, Array]:
    """Broadcast to the batch ``axes`` and merge these into one: gram (R, E, d, d), weight (R,)."""
    n_environments, d = moments.cross.shape[-2:]
    tails = {
        "gram": (n_environments, d, d),
        "cross": (n_environments, d),
        "target": (n_environments,),
    }
    parts = {
        name: np.broadcast_to(getattr(moments, name), (*axes, *tail)).reshape(-1, *tail)
        for name, tail in tails.items()
    }
    weight = np.broadcast_to(np.asarray(error_weight, dtype=float), axes)
    return Moments(**parts), weight.reshape(-1)


def _stationary(phi: Array, moments: Moments, error_weight: Array, tolerance: float) -> Array:
    """Whether the gradient is small against its own rounding error: (R,)."""
    scale = _norm(hessian(phi, moments, error_weight).reshape(len(phi), -1))
    scale *= 1 + _norm(phi)
    return _norm(gradient(phi, moments, error_weight)) <= tolerance * scale


def _flow_step(
    phi: Array, moments: Moments, error_weight: Array, span: Array, max_move: float
) -> tuple[Array, Array]:
    """One implicit Euler step of the gradient flow, or none: the next φ (R, d) and span (R,)."""
    trial, correction = phi, np.zeros_like(phi)
    damping = 1 / span[:, None]
    for _ in range(NEWTON_ITERATIONS):
        slope = gradient(trial, moments, error_weight) + damping * (trial - phi)
        curvature = hessian(trial, moments, error_weight) + damping[..., None] * np.eye(len(phi[0]))
        correction = small.solve(curvature, -slope)
        trial = trial + correction
    move, size = _norm(trial - phi), 1 + _norm(phi)
    falls = objective(trial, moments, error_weight) <= objective(phi, moments, error_weight)
    # the objective's own rounding error says nothing of the smallest moves
    accepted = (move <= max_move * size) & (falls | (move <= 1e-6 * size))
    accepted &= _norm(correction) <= NEWTON_ACCURACY * move
    return np.where(accepted[:, None], trial, phi), span * np.where(accepted, 3.0, 0.25)


def flow_minimum(moments: Moments, error_weight: Any, start: Array | None = None) -> Minimum:
    """Where gradient descent with an ever smaller learning rate ends: ``minimise`` in small moves.

    ``start`` (..., d) is all ones by default.
    """
    start = np.ones(moments.n_features) if start is None else start
    return minimise(moments, error_weight, start, max_move=0.02)


def descent_path(
    moments: Moments,
    error_weight: Any,
    learning_rate: Any,
    record: Iterable[int],
    start: Array | None = None,
    with_penalty: bool = True,
) -> Array:
    """φ after each number of gradient-descent steps in ``record``: (len(record), ..., d).

    The objective is IRM's, or error_weight · Σ_e R_e if not ``with_penalty``; ERM has error
    weight 1. ``start`` is all ones by default; error_weight and learning_rate are () or (...).
    A path that diverges turns into inf or nan.
    """
    record = [int(step) for step in record]
    wanted = set(record)
    rate = np.asarray(learning_rate)[..., None]
    weight = np.asarray(error_weight)[..., None]
    axes = np.broadcast_shapes(moments.gram.shape[:-3], rate.shape[:-1], weight.shape[:-1])
    phi = np.ones((*axes, moments.n_features)) if start is None else np.asarray(start, dtype=float)
    seen: dict[int, Array] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(max(record) + 1):
            if step in wanted:
                seen[step] = phi
            if with_penalty:
                phi = phi - rate * gradient(phi, moments, error_weight)
            else:
                phi = phi - rate * (weight * error_gradient(phi, moments))
    return np.stack([seen[step] for step in record])
