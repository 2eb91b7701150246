"""Where descent leads: the gradient flow of IRM's objective, its minima, and the path of its steps.

Shapes as in ``objectives.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from irm_bench.theory import flow_loops, small
from irm_bench.theory.moments import Array, Moments
from irm_bench.theory.objectives import gradient, objective


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
    converged = np.zeros(len(phi), dtype=bool)
    arrays = [np.ascontiguousarray(a) for a in (flat.gram, flat.cross, flat.target, weight)]
    flow_loops.follow()(*arrays, phi, converged, max_move, tolerance, max_iterations)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
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
    start = np.ones(moments.n_features) if start is None else np.asarray(start, dtype=float)
    axes = np.broadcast_shapes(
        moments.gram.shape[:-3], np.shape(learning_rate), np.shape(error_weight), start.shape[:-1]
    )
    flat, weight = _flatten(moments, error_weight, axes)
    rate = np.broadcast_to(np.asarray(learning_rate, dtype=float), axes).reshape(-1)
    gram, cross, weight, rate = (
        np.ascontiguousarray(a) for a in (flat.gram, flat.cross, weight, rate)
    )
    phi = np.broadcast_to(start, (*axes, moments.n_features)).reshape(len(weight), -1).copy()
    seen, done = {}, 0
    for step in sorted(set(record)):
        flow_loops.descend()(gram, cross, weight, with_penalty, rate, phi, step - done)
        seen[step], done = phi.reshape(*axes, -1).copy(), step
    return np.stack([seen[step] for step in record])
