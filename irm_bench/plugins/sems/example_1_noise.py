"""Twins of Example 1 whose noises are not Gaussian but have the same variances.

X ← σ ε₁, Y ← X + σ ε₂, Z ← γ Y + ε₃, with ε of Student's law of five degrees of freedom, or
exponential less its mean, of variance one each. All second moments are those of Example 1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._linear import Linear
from irm_bench.theory.moments import Moments

LABEL = "Example 1, other noise"
REFERENCE = "Arjovsky et al. 2019, Example 1, with other noise"
GRAPH = "X -> Y -> Z"
OPTIONS: dict[str, Any] = {"noise": "t5"}
CHOICES = {"noise": ("t5", "skewed")}
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
    return Linear.of(loadings, [sigma, sigma, 1.0], [mechanism["noise"]] * 3)


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
    return float(environment["sigma"] ** 2)
