"""Example 1 of the IRM paper (section 2), the notebook's ``example_1``.

X ← N(0, σ²), Y ← X + N(0, σ²), Z ← γ Y + N(0, τ²), each of ``dim`` components; features (X, Z),
target ΣY. The notebook has γ = τ = 1 everywhere; γ and τ change the mechanism of Z itself.
"""

from collections.abc import Mapping

import numpy as np

from irm_bench.moments import Moments

LABEL = "Example 1"
REFERENCE = "Arjovsky et al. 2019, Example 1; notebook, 'Motivation and Data Generation'"
# The parameters of an environment; None marks one that has no default.
PARAMETERS: dict[str, float | None] = {"sigma": None, "gamma": 1.0, "tau": 1.0}
POSITIVE = ("sigma", "tau")


def n_features(dim: int) -> int:
    """Number of features, d of the theory: X and Z have ``dim`` components each."""
    return 2 * dim


def feature_names(dim: int) -> list[str]:
    return [f"{name}_{j + 1}" for name in ("x", "z") for j in range(dim)]


def causal_solution(dim: int) -> np.ndarray:
    """The oracle φ = (1, …, 1, 0, …, 0): the mechanism of Y itself."""
    return np.repeat([1.0, 0.0], dim)


def sample(
    rng: np.random.Generator, n_samples: int, dim: int, environment: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows: features (n_samples, 2·dim) and target (n_samples,)."""
    shape = (n_samples, dim)
    sigma = environment["sigma"]
    x = sigma * rng.standard_normal(shape)
    y = x + sigma * rng.standard_normal(shape)
    z = environment["gamma"] * y + environment["tau"] * rng.standard_normal(shape)
    return np.concatenate([x, z], axis=1), y.sum(axis=1)


def population(dim: int, environment: Mapping[str, float]) -> Moments:
    """Exact moments of an environment: gram (d, d), cross (d,), target (), with d = 2·dim."""
    variance = environment["sigma"] ** 2
    gamma, tau = environment["gamma"], environment["tau"]
    block = np.array(
        [[variance, gamma * variance], [gamma * variance, 2 * gamma**2 * variance + tau**2]]
    )
    cross = np.array([variance, 2 * gamma * variance])
    return Moments(
        np.kron(block, np.eye(dim)),
        np.repeat(cross, dim),
        np.float64(2 * dim * variance),
        np.zeros(2 * dim + 1),
    )


def noise_floor(dim: int, environment: Mapping[str, float]) -> float:
    """Risk of the oracle, Var(ΣY | X) = dim·σ²: the notebook's 'best possible' MSE."""
    return dim * environment["sigma"] ** 2
