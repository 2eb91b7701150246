"""ERM's and IRM's objectives as functions of second moments: values, gradients, Hessians, minima.

Everything is a function of second moments, the population's or a sample's. Where environments are
summed over, their axis is the last leading one: gram (..., E, d, d), cross (..., E, d), target
(..., E), φ (..., d); all other leading axes (…) are a batch and broadcast.

With dummy classifier w = 1, ∂_w R_e = 2 q_e with q_e = φᵀ(G_e φ − b_e) (IRM paper, section 3.1):

    IRM objective  error_weight · Σ_e R_e(φ) + Σ_e (2 q_e)²,      ERM objective  Σ_e R_e(φ).
"""

from typing import Any

import numpy as np

from irm_bench.theory import small
from irm_bench.theory.moments import Array, Moments

# Eigenvalues of a gram below this share of the largest count as zero.
RANK_TOLERANCE = 1e-13


def least_squares(moments: Moments) -> Array:
    """Minimiser G⁺b of the risk of each environment: (..., d).

    Where G is singular, the minimiser of least norm. Leading axes are free.
    """
    values, vectors = small.eigen(moments.gram)
    counts = _counts(values)
    along = small.apply(np.swapaxes(vectors, -1, -2), moments.cross)
    return small.apply(vectors, np.where(counts, along / np.where(counts, values, 1.0), 0.0))


def rank(gram: Array) -> Array:
    """Rank (...) of matrices (..., d, d)."""
    return _counts(small.eigen(gram)[0]).sum(axis=-1)


def _counts(eigenvalues: Array) -> Array:
    """Which of the eigenvalues (..., d) of each matrix are not zero."""
    size = np.abs(eigenvalues)
    return size > RANK_TOLERANCE * size.max(axis=-1, keepdims=True)


def pooled_least_squares(moments: Moments) -> Array:
    """Minimiser of Σ_e R_e, environments weighted equally: (..., d); of least norm if singular."""
    return least_squares(Moments(moments.gram.mean(-3), moments.cross.mean(-2), None))


def _residual_parts(phi: Array, moments: Moments) -> tuple[Array, Array, Array]:
    """G_e φ − b_e (..., E, d), q_e (..., E) and ∇q_e = 2 G_e φ − b_e (..., E, d)."""
    image = small.apply(moments.gram, phi[..., None, :])
    residual = image - moments.cross
    return residual, small.dot(residual, phi[..., None, :]), residual + image


def penalty(phi: Array, moments: Moments) -> Array:
    """Plug-in penalty Σ_e (∂_w R_e)² = 4 Σ_e q_e² of φ (..., d), at w = 1 (IRMv1)."""
    return 4 * (_residual_parts(phi, moments)[1] ** 2).sum(-1)


def objective(phi: Array, moments: Moments, error_weight: Any) -> Array:
    """IRM objective error_weight · Σ_e R_e + Σ_e penalty_e; error_weight is () or (...)."""
    _, q, _ = _residual_parts(phi, moments)
    risks = q - small.dot(moments.cross, phi[..., None, :]) + moments.target
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
