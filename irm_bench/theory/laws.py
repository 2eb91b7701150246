"""Exact laws: what an excess risk is made of, and how estimates of the penalty scatter.

Shapes as in ``objectives.py``.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts load where they are first used

from irm_bench.theory.moments import Array, Moments, product_index, risk


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
