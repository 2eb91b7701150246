"""The Gaussian model of Rosenfeld, Ravikumar and Risteski 2021, with the squared loss.

Y = ±1, Z_c ← Y μ_c + N(0, 1), Z_e ← Y μ_e + N(0, I): Z_c is invariant, and the ``n_spurious``
coordinates of Z_e have other means μ_e in each environment, numbered from 0. Environments that are
``turned`` have −μ_e. The labels are predicted by least squares, so that second moments are all.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._linear import Linear
from irm_bench.theory.moments import Moments

LABEL = "Gaussian classes"
REFERENCE = "Rosenfeld, Ravikumar and Risteski 2021, with squared loss"
GRAPH = "Y -> C; Y -> E"
OPTIONS: dict[str, Any] = {"n_spurious": 2}
PARAMETERS: dict[str, float | None] = {"place": None, "turned": 0.0}
CHOICES = {"place": (0, 1, 2, 3), "turned": (0, 1), "n_spurious": (1, 2)}
INVARIANT_MEAN = 1.0
# μ_e of the environments: any two span the plane, and no p has pᵀμ_e equal for all.
SPURIOUS_MEANS = np.array([[2.0, 0.5], [1.5, 1.5], [0.5, 1.0], [1.0, -0.5]])


def feature_names(options: Mapping[str, Any]) -> list[str]:
    """The invariant feature and the others."""
    return ["c", *(f"e_{j + 1}" for j in range(options["n_spurious"]))]


def roles(options: Mapping[str, Any]) -> list[str]:
    """What each feature is to the target."""
    return ["cause", *["effect"] * options["n_spurious"]]


def causal_solution(mechanism: Mapping[str, Any]) -> np.ndarray:
    """The invariant predictor φ (1 + n_spurious,): regression on Z_c alone."""
    return np.append(INVARIANT_MEAN / (INVARIANT_MEAN**2 + 1), np.zeros(mechanism["n_spurious"]))


def _law(environment: Mapping[str, float], mechanism: Mapping[str, Any]) -> Linear:
    n_spurious = mechanism["n_spurious"]
    sign = 1 - 2 * environment["turned"]
    spurious = sign * SPURIOUS_MEANS[int(environment["place"])][:n_spurious]
    # the noises: Y itself, and one a feature
    of_target = np.concatenate([[INVARIANT_MEAN], spurious, [1.0]])[:, None]
    of_features = np.vstack([np.eye(1 + n_spurious), np.zeros(1 + n_spurious)])
    laws = ["sign", *["normal"] * (1 + n_spurious)]
    return Linear.of(np.hstack([of_target, of_features]), [1.0] * (2 + n_spurious), laws)


def sample(
    rng: np.random.Generator,
    n_samples: int,
    environment: Mapping[str, float],
    mechanism: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: features (n_samples, d) and target (n_samples,)."""
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
    """Risk of the invariant predictor."""
    return 1 / (INVARIANT_MEAN**2 + 1)
