"""Two-bit environments: two signs that agree with the target up to flips.

Y = ±1 with equal chances; X_1 = Y but for a flip of chance ``alpha``, the same everywhere; X_2 = Y
but for one of chance ``beta``, which changes. Kamath et al. 2021 (section 4), with squared loss.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from irm_bench.theory.moments import Moments, products

LABEL = "two bits"
REFERENCE = "Kamath et al. 2021, section 4"
GRAPH = "Y -> X; Y -> Z"
OPTIONS: dict[str, Any] = {"alpha": 0.1}
PARAMETERS: dict[str, float | None] = {"beta_flip": None}


def feature_names(options: Mapping[str, Any]) -> list[str]:
    """The bit whose flips are the same everywhere, and the other."""
    return ["x", "z"]


def roles(options: Mapping[str, Any]) -> list[str]:
    """What each feature is to the target."""
    return ["cause", "effect"]


def causal_solution(mechanism: Mapping[str, Any]) -> np.ndarray:
    """The invariant predictor φ (2,): regression on X_1 alone, of weight r = 1 − 2α."""
    return np.array([1 - 2 * mechanism["alpha"], 0.0])


def sample(
    rng: np.random.Generator,
    n_samples: int,
    environment: Mapping[str, float],
    mechanism: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: features (n_samples, 2) and target (n_samples,)."""
    y = rng.choice([-1.0, 1.0], n_samples)
    chances = (mechanism["alpha"], environment["beta_flip"])
    flips = [np.where(rng.random(n_samples) < chance, -1.0, 1.0) for chance in chances]
    return np.stack([y * flip for flip in flips], axis=1), y


def _atoms(
    environment: Mapping[str, float], mechanism: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All eight rows that there are: features (8, 2), target (8,) and chances (8,)."""
    alpha, beta = mechanism["alpha"], environment["beta_flip"]
    signs = np.array(list(product([-1.0, 1.0], repeat=3)))
    y, flip_x, flip_z = signs.T
    chances = np.where(flip_x < 0, alpha, 1 - alpha) * np.where(flip_z < 0, beta, 1 - beta) / 2
    return np.stack([y * flip_x, y * flip_z], axis=1), y, chances


def population(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Moments:
    """Exact moments of an environment."""
    x, y, chances = _atoms(environment, mechanism)
    weighted = x.T * chances
    mean = np.append(chances @ x, chances @ y)
    return Moments(weighted @ x, weighted @ y, np.float64(chances @ y**2), mean)


def product_covariance(
    environment: Mapping[str, float], mechanism: Mapping[str, Any]
) -> np.ndarray:
    """Covariance (P, P) of the products of one row."""
    x, y, chances = _atoms(environment, mechanism)
    of_rows = products(x, y)
    centred = of_rows - (of_rows @ chances)[:, None]
    return (centred * chances) @ centred.T


def noise_floor(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> float:
    """Risk of the invariant predictor, 1 − r²."""
    return float(1 - (1 - 2 * mechanism["alpha"]) ** 2)
