"""Environments that shift means: a hidden common cause, and what anchors are for.

H ← N(0, 1), X ← a + H + N(0, 1), Y ← X + H + N(0, 1), Z ← γ Y + b + N(0, 1); a and b are constants
of the environment, its ``shift`` and ``shift_z``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._linear import Linear
from irm_bench.theory.moments import Moments

LABEL = "shifted means"
REFERENCE = "the setting of Rothenhäusler et al. 2021"
GRAPH = "X -> Y -> Z; (H) -> X; (H) -> Y"
OPTIONS: dict[str, Any] = {}
PARAMETERS: dict[str, float | None] = {"shift": None, "shift_z": 0.0, "gamma": 1.0}


def feature_names(options: Mapping[str, Any]) -> list[str]:
    """The cause and the effect."""
    return ["x", "z"]


def roles(options: Mapping[str, Any]) -> list[str]:
    """What each feature is to the target."""
    return ["cause", "effect"]


def causal_solution(mechanism: Mapping[str, Any]) -> np.ndarray:
    """The oracle φ (2,): the weights in Y, H being unseen."""
    return np.array([1.0, 0.0])


def _law(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Linear:
    shift, shift_z, gamma = (environment[name] for name in ("shift", "shift_z", "gamma"))
    # noises of H, X, Y and Z; Y is 2 H + noise of X + noise of Y
    target = np.array([2, 1, 1, 0])
    effect = gamma * target + np.array([0, 0, 0, 1])
    means = [shift, gamma * shift + shift_z, shift]
    return Linear.of([[1, 1, 0, 0], effect, target], [1.0, 1.0, 1.0, 1.0], means=means)


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
    """Risk of the causal predictor: the variance of H and of the noise of Y."""
    return 2.0
