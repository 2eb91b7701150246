"""The dual of Example 1: the noise of Y is the same everywhere, that of Z is not.

X ← N(0, σ²), Y ← X + N(0, 1), Z ← γ Y + N(0, σ²). What holds of risks and gradients at the purely
anti-causal predictor of Example 1 holds here at the causal one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._linear import Linear
from irm_bench.theory.moments import Moments

LABEL = "dual of Example 1"
REFERENCE = "Example 1 of Arjovsky et al. 2019 with the noises of Y and Z exchanged"
GRAPH = "X -> Y -> Z"
OPTIONS: dict[str, Any] = {}
PARAMETERS: dict[str, float | None] = {"sigma": None, "gamma": 1.0}
POSITIVE = ("sigma",)


def feature_names(options: Mapping[str, Any]) -> list[str]:
    """The cause and the effect."""
    return ["x", "z"]


def roles(options: Mapping[str, Any]) -> list[str]:
    """What each feature is to the target."""
    return ["cause", "effect"]


def causal_solution(mechanism: Mapping[str, Any]) -> np.ndarray:
    """The oracle φ (2,)."""
    return np.array([1.0, 0.0])


def _law(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Linear:
    sigma, gamma = environment["sigma"], environment["gamma"]
    # noises of X, Y and Z
    loadings = [[1, 0, 0], [gamma, gamma, 1], [1, 1, 0]]
    return Linear.of(loadings, [sigma, 1.0, sigma])


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
