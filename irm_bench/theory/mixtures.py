"""Exact logistic risk and error rate of a linear predictor where features are mixed normals.

Of a component, normal with mean μ and covariance Σ, the score a = φᵀx is normal with mean φᵀμ and
variance s² = φᵀΣφ: the risk is an integral over the score alone, and the error rate a normal tail.
Given the score the features are normal again, with mean μ + Σφ (a − φᵀμ)/s² and covariance
Σ − Σφφᵀ Σ/s², so that gradient and Hessian are integrals over the score too.

They are summed at equal steps of t, where the score is φᵀμ + st. The logistic function of it has
its nearest pole π/s from the real line, so that steps of h are off by about exp(−2π²/(sh)): 1e-12
at ``sh`` = 0.7.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special, stats

from irm_bench.theory.moments import Array

# Beyond this many standard deviations there is nothing: 2e-17.
REACH = 8.5
MOST_STEP, SPREAD_STEP = 0.3, 0.7
MOST_NODES = 2**14


def _nodes(spread: float) -> tuple[Array, Array]:
    """Places and weights (node,) of the mean over a standard normal t, for scores of a spread s."""
    step = min(MOST_STEP, SPREAD_STEP / max(spread, SPREAD_STEP))
    n = min(math.ceil(REACH / step), MOST_NODES)
    places = np.linspace(-REACH, REACH, 2 * n + 1)
    weights = np.exp(-(places**2) / 2)
    return places, weights / weights.sum()


@dataclass(frozen=True)
class Local:
    """A risk at φ, with its gradient (d,) and Hessian (d, d)."""

    value: float
    gradient: Array
    hessian: Array


@dataclass(frozen=True)
class Mixture:
    """Normal components of one covariance (d, d): shares (c,), means (c, d), labels 0 or 1 (c,)."""

    shares: Array
    means: Array
    covariance: Array
    labels: Array

    def mixed(self, mixing: Array) -> "Mixture":
        """Of the features times a matrix (d, d)."""
        covariance = mixing.T @ self.covariance @ mixing
        return replace(self, means=self.means @ mixing, covariance=covariance)

    def with_intercept(self) -> "Mixture":
        """With a constant 1 behind the features."""
        ones = np.ones((len(self.means), 1))
        covariance = np.pad(self.covariance, (0, 1))
        return replace(self, means=np.hstack([self.means, ones]), covariance=covariance)

    def error_rate(self, phi: Array) -> float:
        """The share of rows whose score φᵀx is on the wrong side of 0; a score of 0 is label 0."""
        centres, spread = self._scores(phi)
        positive = (centres > 0).astype(float) if spread == 0 else stats.norm.cdf(centres / spread)
        wrong = np.where(self.labels == 1, 1 - positive, positive)
        return float(self.shares @ wrong)

    def local(self, phi: Array) -> Local:
        """The logistic risk at φ (d,), its gradient and its Hessian."""
        centres, spread = self._scores(phi)
        along = self.covariance @ phi / (spread or 1.0)
        places, of_places = _nodes(spread)
        scores = centres[:, None] + spread * places  # (component, node)
        weights = self.shares[:, None] * of_places
        labels = self.labels[:, None]
        chance = special.expit(scores)
        value = np.sum(weights * (np.logaddexp(0.0, scores) - labels * scores))
        first, second = weights * (chance - labels), weights * chance * (1 - chance)
        rows = self.means[:, None] + along * places[:, None]  # (component, node, d)
        gradient = np.einsum("ck,ckd->d", first, rows)
        hessian = np.einsum("ckd,cke->de", second[..., None] * rows, rows, optimize=True)
        rest = self.covariance - np.outer(along, along)
        return Local(float(value), gradient, hessian + second.sum() * rest)

    def _scores(self, phi: Array) -> tuple[Array, float]:
        """Mean of the score in each component (c,), and its standard deviation."""
        return self.means @ phi, float(np.sqrt(phi @ self.covariance @ phi))


# The risk of an environment, as a function of φ (d,).
Risk = Callable[[Array], Local]
# φ and the risks there → what is minimised, and its gradient (d,)
Objective = Callable[[Array, Sequence[Local]], tuple[float, Array]]


def minimum(objective: Objective, risks: Sequence[Risk], starts: Sequence[Array]) -> Array:
    """The φ (d,) of the least value among the local minima that are met from the starts."""

    def value(phi: Array) -> tuple[float, Array]:
        return objective(phi, [risk(phi) for risk in risks])

    ends = [optimize.minimize(value, start, jac=True, method="BFGS") for start in starts]
    best = min(ends, key=lambda end: float(end.fun))
    return np.asarray(best.x)


def mean_risk(phi: Array, risks: Sequence[Local]) -> tuple[float, Array]:
    """ERM."""
    value = np.mean([risk.value for risk in risks])
    return float(value), np.mean([risk.gradient for risk in risks], axis=0)
