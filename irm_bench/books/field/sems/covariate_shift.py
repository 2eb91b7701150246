"""Covariate shift: the mean and the scale of the cause change, nothing else does.

X ← N(m, σ²), Y ← X + N(0, 1), W ← X + N(0, 1). W is an effect of the cause, of no use given X.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._linear import Linear
from irm_bench.theory.moments import Moments

LABEL = "covariate shift"
REFERENCE = "the setting of Ahuja et al. 2020, section 4"
GRAPH = "X -> Y; X -> W"
OPTIONS: dict[str, Any] = {}
PARAMETERS: dict[str, float | None] = {"sigma": None, "shift": 0.0}
POSITIVE = ("sigma",)


def feature_names(options: Mapping[str, Any]) -> list[str]:
    """The cause and a noisy copy of it."""
    return ["x", "w"]


def roles(options: Mapping[str, Any]) -> list[str]:
    """What each feature is to the target."""
    return ["cause", "mixed"]


def causal_solution(mechanism: Mapping[str, Any]) -> np.ndarray:
    """The oracle φ (2,)."""
    return np.array([1.0, 0.0])


def _law(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Linear:
    sigma, shift = environment["sigma"], environment["shift"]
    # noises of X, W and Y
    loadings = [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    return Linear.of(loadings, [sigma, 1.0, 1.0], means=[shift, shift, shift])


def sample(
    rng: np.random.Generator,
    n_samples: int,
    environment: Mapping[str, float],
    mechanism: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: features (n_samples, 2) and target (n_samples,)."""
    return _law(environment, mechanism).sample(rng, n_samples)


def population(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Moments:
    """Exact moments of an environment."""
    return _law(environment, mechanism).moments()


def product_covariance(
    environment: Mapping[str, float], mechanism: Mapping[str, Any]
) -> np.ndarray:
    """Covariance (P, P) of the products of one row."""
    return _law(environment, mechanism).product_covariance()


def noise_floor(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> float:
    """Variance of Y given X."""
    return 1.0
