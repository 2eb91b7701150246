"""What the objectives of ERM and IRM lead to, exactly: minimisers, paths, crossing points, noise.

Everything is a function of second moments, the population's or a sample's. Where environments are
summed over, their axis is the last leading one: gram (..., E, d, d), cross (..., E, d), target
(..., E), φ (..., d); all other leading axes (…) are a batch and broadcast.

With dummy classifier w = 1, ∂_w R_e = 2 q_e with q_e = φᵀ(G_e φ − b_e) (IRM paper, section 3.1):

    IRM objective  error_weight · Σ_e R_e(φ) + Σ_e (2 q_e)²,      ERM objective  Σ_e R_e(φ).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy  # its parts load where they are first used

from irm_bench.moments import Array, Moments, product_index, risk

# Eigenvalues of a gram below this share of the largest count as zero.
RANK_TOLERANCE = 1e-13
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


@dataclass(frozen=True)
class Decomposition:
    """Terms of ``excess`` = trained risk − oracle risk; the three others sum to it."""

    objective_bias: Array
    optimisation_gap: Array
    estimation_error: Array
    excess: Array


@dataclass(frozen=True)
class EstimatorLaw:
    """Sampling law of a penalty estimate: bias, variance and share of negative values."""

    bias: Array
    variance: Array
    negative_share: Array


def _norm(vectors: Array) -> Array:
    # np.linalg.norm adds up in an order that depends on the size of the batch
    return np.sqrt(np.vecdot(vectors, vectors))


def least_squares(moments: Moments) -> Array:
    """Minimiser G⁺b of the risk of each environment: (..., d).

    Where G is singular, the minimiser of least norm. Leading axes are free.
    """
    inverse = np.linalg.pinv(moments.gram, rcond=RANK_TOLERANCE, hermitian=True)
    return (inverse @ moments.cross[..., None])[..., 0]


def pooled_least_squares(moments: Moments) -> Array:
    """Minimiser of Σ_e R_e, environments weighted equally: (..., d); of least norm if singular."""
    return least_squares(Moments(moments.gram.mean(-3), moments.cross.mean(-2), None))


def _residual_parts(phi: Array, moments: Moments) -> tuple[Array, Array, Array]:
    """G_e φ − b_e (..., E, d), q_e (..., E) and ∇q_e = 2 G_e φ − b_e (..., E, d)."""
    image = (moments.gram @ phi[..., None, :, None])[..., 0]
    residual = image - moments.cross
    return residual, np.vecdot(residual, phi[..., None, :]), residual + image


def penalty(phi: Array, moments: Moments) -> Array:
    """Plug-in penalty Σ_e (∂_w R_e)² = 4 Σ_e q_e² of φ (..., d), at w = 1 (IRMv1)."""
    return 4 * (_residual_parts(phi, moments)[1] ** 2).sum(-1)


def objective(phi: Array, moments: Moments, error_weight: Any) -> Array:
    """IRM objective error_weight · Σ_e R_e + Σ_e penalty_e; error_weight is () or (...)."""
    _, q, _ = _residual_parts(phi, moments)
    risks = q - np.vecdot(moments.cross, phi[..., None, :]) + moments.target
    return error_weight * risks.sum(-1) + 4 * (q**2).sum(-1)


def error_gradient(phi: Array, moments: Moments) -> Array:
    """Gradient 2 Σ_e (G_e φ − b_e) of the ERM objective: (..., d)."""
    return 2 * _residual_parts(phi, moments)[0].sum(-2)


def error_hessian(phi: Array, moments: Moments, error_weight: Any = None) -> Array:
    """Hessian 2 Σ_e G_e of the ERM objective, the same at every φ and weight: (..., d, d)."""
    return 2 * moments.gram.sum(axis=-3)


def gradient(phi: Array, moments: Moments, error_weight: Any) -> Array:
    """Gradient of ``objective`` in φ: (..., d)."""
    residual, q, slope = _residual_parts(phi, moments)
    weight = 2 * np.asarray(error_weight)[..., None, None]
    return (weight * residual + 8 * q[..., None] * slope).sum(-2)


def hessian(phi: Array, moments: Moments, error_weight: Any) -> Array:
    """Hessian of ``objective`` in φ: (..., d, d)."""
    _, q, slope = _residual_parts(phi, moments)
    weight = 2 * np.asarray(error_weight)[..., None] + 16 * q
    outer = 8 * slope[..., :, None] * slope[..., None, :]
    return (weight[..., None, None] * moments.gram + outer).sum(-3)


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
        for _ in range(max_iterations):
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
        correction = np.linalg.solve(curvature, -slope[..., None])[..., 0]
        trial = trial + correction
    move, size = _norm(trial - phi), 1 + _norm(phi)
    falls = objective(trial, moments, error_weight) <= objective(phi, moments, error_weight)
    # the objective's own rounding error says nothing of the smallest moves
    accepted = (move <= max_move * size) & (falls | (move <= 1e-6 * size))
    accepted &= _norm(correction) <= NEWTON_ACCURACY * move
    return np.where(accepted[:, None], trial, phi), span * np.where(accepted, 3.0, 0.25)


def flow_minimum(moments: Moments, error_weight: Any, start: Array | None = None) -> Minimum:
    """Where gradient descent with an ever smaller learning rate ends: ``minimise`` in small moves.

    ``start`` (..., d) is all ones by default, as in the notebook.
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


def decompose(
    phi: Array, converged_phi: Array, population_minimum: Array, causal: Array, moments: Moments
) -> Decomposition:
    """Split an environment's excess risk of trained φ (..., d) over the oracle ``causal`` (d,).

    objective bias = risk(population minimiser) − risk(oracle): paid even with infinite data;
    estimation error = risk(the sample objective's minimiser, ``converged_phi``) − risk(population
    minimiser); optimisation gap = risk(φ) − risk(``converged_phi``): training stopped early.
    ``moments`` are the population's at the environment(s) of evaluation: here their leading axes
    broadcast with those of φ, and none is summed over. Terms may be negative.
    """
    trained, converged, population, oracle = (
        risk(np.asarray(p), moments) for p in (phi, converged_phi, population_minimum, causal)
    )
    return Decomposition(
        objective_bias=population - oracle,
        optimisation_gap=trained - converged,
        estimation_error=converged - population,
        excess=trained - oracle,
    )


def crossing_sigmas(
    risk_a: Callable[[float], float], risk_b: Callable[[float], float], grid: Iterable[float]
) -> Array:
    """Every σ at which two risk curves cross, increasing: (n,).

    ``grid`` is increasing; a crossing is found where the difference changes sign between
    neighbours: two crossings closer than that are missed, and curves that only touch do not cross.

    Raises:
        ValueError: if a risk on the grid is not finite.
    """

    def difference(sigma: float) -> float:
        return float(risk_a(sigma) - risk_b(sigma))

    signs = [(sigma, np.sign(difference(sigma))) for sigma in grid]
    if not all(np.isfinite(sign) for _, sign in signs):
        raise ValueError("a risk curve is not finite on the grid")
    signs = [(sigma, sign) for sigma, sign in signs if sign]
    brackets = [(a, b) for (a, left), (b, right) in pairwise(signs) if left != right]
    return np.array([_sign_change(difference, a, b) for a, b in brackets])


def _sign_change(curve: Callable[[float], float], low: float, high: float) -> float:
    """By bisection, to the last bit: loading scipy's root finders would take longer."""
    is_positive = curve(low) > 0
    while low < (middle := (low + high) / 2) < high:
        if (curve(middle) > 0) == is_positive:
            low = middle
        else:
            high = middle
    return high


def quadratic_coefficients(phi: Array) -> Array:
    """u (..., P) with (φᵀx)(φᵀx − y) = uᵀm, m the products in ``product_index`` order."""
    phi = np.asarray(phi)
    d = phi.shape[-1]
    left, right = (index[:-d] for index in product_index(d))
    pairs = np.where(left == right, 1, 2) * phi[..., left] * phi[..., right]
    return np.concatenate([pairs, -phi], axis=-1)


def penalty_estimators(
    phi: Array, moments: Moments, product_covariance: Array, n_samples: int
) -> dict[str, EstimatorLaw]:
    """Sampling law of three estimates of (2q)² at a fixed φ (..., d), for one environment's n rows.

    With h_i = (φᵀx_i)(φᵀx_i − y_i) = uᵀm_i of mean q and variance v = uᵀCu, C the population's
    ``product_covariance`` (..., P, P); leading axes broadcast, no environment is summed over.
    ``plug_in`` 4h̄², the paper's code; ``split_half`` 4h̄₁h̄₂, its Appendix D, halves of n/2 rows;
    ``u_statistic`` 4(h̄² − s²/n), the mean of split-half over all splits.

    Biases are exact, and so are the variances of split_half and u_statistic. The variance of
    plug_in takes h̄ as normal (it omits 64qκ₃/n² + 16κ₄/n³, κ the cumulants of h), and so do the
    shares of negative values; u_statistic's takes s² = v as well.
    """
    u = quadratic_coefficients(phi)
    image = np.einsum("...jk,...k->...j", moments.gram, phi) - moments.cross
    q = np.einsum("...j,...j->...", image, phi)
    v = np.einsum("...p,...pq,...q->...", u, product_covariance, u)
    slope_part = 64 * q**2 * v / n_samples
    # φ = 0 has no noise at all: no negative values
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.where(v > 0, np.abs(q) * np.sqrt(n_samples / v), np.inf)
    zero = np.zeros_like(snr)
    ndtr = scipy.special.ndtr
    opposite = 2 * ndtr(snr / np.sqrt(2)) * ndtr(-snr / np.sqrt(2))
    within = ndtr(1 - snr) - ndtr(-1 - snr)
    n, pairs = n_samples, n_samples * (n_samples - 1)
    return {
        "plug_in": EstimatorLaw(4 * v / n, slope_part + 32 * v**2 / n**2, zero),
        "split_half": EstimatorLaw(zero, slope_part + 64 * v**2 / n**2, opposite),
        "u_statistic": EstimatorLaw(zero, slope_part + 32 * v**2 / pairs, within),
    }
