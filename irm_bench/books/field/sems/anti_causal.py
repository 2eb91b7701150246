"""Two effects of the target and no cause: one whose mechanism is the same everywhere.

Y ← N(0, 1), V ← Y + N(0, 1), Z ← γ Y + N(0, σ²). The invariant predictor is the regression on V
alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._linear import Linear
from irm_bench.theory.moments import Moments

LABEL = "effects alone"
REFERENCE = "anti-causal setting of Ahuja et al. 2020"
GRAPH = "Y -> V; Y -> Z"
OPTIONS: dict[str, Any] = {}
PARAMETERS: dict[str, float | None] = {"sigma": None, "gamma": 1.0}
POSITIVE = ("sigma",)


def feature_names(options: Mapping[str, Any]) -> list[str]:
    """The stable effect and the other."""
    return ["v", "z"]


def roles(options: Mapping[str, Any]) -> list[str]:
    """What each feature is to the target."""
    return ["effect", "effect"]


def causal_solution(mechanism: Mapping[str, Any]) -> np.ndarray:
    """The invariant predictor φ (2,): regression on the stable effect."""
    return np.array([0.5, 0.0])


def _law(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Linear:
    sigma, gamma = environment["sigma"], environment["gamma"]
    # noises of Y, V and Z
    return Linear.of([[1, 1, 0], [gamma, 0, 1], [1, 0, 0]], [1.0, 1.0, sigma])


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
    """Variance of Y given V."""
    return 0.5
