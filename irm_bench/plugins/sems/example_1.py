"""Example 1 of the IRM paper (section 2).

X ← N(0, σ²), Y ← X + N(0, σ²), Z ← γ Y + N(0, τ²), each of ``dim`` components; features (X, Z),
target ΣY. In the paper γ = τ = 1; γ and τ change the mechanism of Z itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from irm_bench.theory.moments import Moments, gaussian_moments, product_index
from irm_bench.theory.small import dot

Options = Mapping[str, Any]
Environment = Mapping[str, float]

LABEL = "Example 1"
GRAPH = "X -> Y -> Z"
REFERENCE = "Arjovsky et al. 2019, Example 1"
# Options of the structure.
OPTIONS = {"dim": 2}
# The parameters of an environment; None marks one that has no default.
PARAMETERS: dict[str, float | None] = {"sigma": None, "gamma": 1.0, "tau": 1.0}
POSITIVE = ("sigma", "tau")


def feature_names(options: Options) -> list[str]:
    """X and Z have ``dim`` components each."""
    return [f"{name}_{j + 1}" for name in ("x", "z") for j in range(options["dim"])]


def causal_solution(mechanism: Options) -> np.ndarray:
    """The oracle φ = (1, …, 1, 0, …, 0): the mechanism of Y itself."""
    return np.repeat([1.0, 0.0], mechanism["dim"])


def sample(
    rng: np.random.Generator, n_samples: int, environment: Environment, mechanism: Options
) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows: features (n_samples, 2·dim) and target (n_samples,)."""
    dim = mechanism["dim"]
    x, z, y = columns = np.empty((3, dim, n_samples))
    for block in (x, y, z):
        block[:] = rng.standard_normal((n_samples, dim)).T
    x *= environment["sigma"]
    y *= environment["sigma"]
    y += x
    z *= environment["tau"]
    z += environment["gamma"] * y
    return columns[:2].reshape(2 * dim, n_samples).T, sum(y[1:], y[0])


def sample_moments(
    rngs: Iterable[np.random.Generator],
    n_samples: int,
    environment: Environment,
    mechanism: Options,
) -> Moments:
    """Moments (rng, …) of rows that are never drawn: all variables are jointly Gaussian, mean 0."""
    return gaussian_moments(rngs, n_samples, population(environment, mechanism))


def population(environment: Environment, mechanism: Options) -> Moments:
    """Exact moments of an environment: gram (d, d), cross (d,), target (), with d = 2·dim."""
    dim = mechanism["dim"]
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


def noise_floor(environment: Environment, mechanism: Options) -> float:
    """Risk of the oracle, Var(ΣY | X) = dim·σ²: the best possible mean squared error."""
    return mechanism["dim"] * environment["sigma"] ** 2


# Closed forms, for components that are exchangeable: φ = (a, …, a, b, …, b), a for X and b for Z.


def symmetric_risk(
    a: float | np.ndarray, b: float | np.ndarray, dim: int, environment: Mapping[str, float]
) -> float | np.ndarray:
    """Risk of φ = (a, …, a, b, …, b): dim·[σ²((a + γb − 1)² + (γb − 1)²) + τ²b²]; a, b broadcast.

    The terms are what is left of the noise of X, of Y and of Z in the residual.
    """
    variance, slope = environment["sigma"] ** 2, environment["gamma"] * b
    noise = variance * ((a + slope - 1) ** 2 + (slope - 1) ** 2) + environment["tau"] ** 2 * b**2
    return dim * noise


def correlations(environment: Environment, mechanism: Options) -> np.ndarray:
    """Population correlation of every feature with the target ΣY: (2·dim,).

    1/√(2·dim) for X_j whatever the environment, γσ√2 / √(dim·(2γ²σ² + τ²)) for Z_j.
    """
    dim = mechanism["dim"]
    scale = environment["gamma"] * environment["sigma"]
    with_x = 1 / np.sqrt(2 * dim)
    with_z = scale * np.sqrt(2 / (dim * (2 * scale**2 + environment["tau"] ** 2)))
    return np.repeat([with_x, with_z], dim)


def product_covariance(environment: Environment, mechanism: Options) -> np.ndarray:
    """Population covariance (P, P) of the products of one row, in ``product_index`` order.

    For Gaussian variables of mean zero and covariance S, Cov(v_i v_j, v_k v_l) is
    S_ik S_jl + S_il S_jk (Isserlis 1918).
    """
    moments = population(environment, mechanism)
    second = np.block(
        [[moments.gram, moments.cross[:, None]], [moments.cross[None, :], moments.target]]
    )
    left, right = product_index(2 * mechanism["dim"])
    return (
        second[np.ix_(left, left)] * second[np.ix_(right, right)]
        + second[np.ix_(left, right)] * second[np.ix_(right, left)]
    )


def regressions(environment: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Least squares (a, b) in one environment on X alone, Z alone and both (paper, section 2).

    ``x`` (1, 0), whatever the environment: the invariant predictor; ``z`` (0, 2γσ²/(2γ²σ² + τ²));
    ``both`` (τ², γσ²)/(γ²σ² + τ²).
    """
    variance, gamma, tau = environment["sigma"] ** 2, environment["gamma"], environment["tau"]
    on_z = 2 * gamma * variance / (2 * gamma**2 * variance + tau**2)
    return {"x": (1.0, 0.0), "z": (0.0, on_z), "both": pooled_erm(variance, gamma, tau)}


def pooled_erm(mean_variance: float, gamma: float = 1.0, tau: float = 1.0) -> tuple[float, float]:
    """ERM's (a, b) on environments of equal weight that differ in σ only, S the mean of σ²:
    (τ², γS) / (γ²S + τ²), the regression on both at σ² = S."""
    total = gamma**2 * mean_variance + tau**2
    return tau**2 / total, gamma * mean_variance / total


def erm_crossing_sigma(mean_variance: float, gamma: float = 1.0, tau: float = 1.0) -> float:
    """The σ above which ``pooled_erm`` has a lower risk than the oracle: √(τ²S / (γ²S + 2τ²)).

    Its excess risk over the oracle is dim·[τ²b² − σ²γb(2 − γb)], falling in σ.
    """
    return float(np.sqrt(tau**2 * mean_variance / (gamma**2 * mean_variance + 2 * tau**2)))


def erm_worst_excess(dim: int, mean_variance: float, gamma: float = 1.0, tau: float = 1.0) -> float:
    """Supremum over σ > 0 of ``pooled_erm``'s excess risk over the oracle: dim·τ²b², for σ → 0.

    It is approached, not attained; the error is unbounded only if the mechanism of Z changes (γ or
    τ at test time).
    """
    return dim * tau**2 * pooled_erm(mean_variance, gamma, tau)[1] ** 2


def penalty_zero(direction: np.ndarray) -> np.ndarray:
    """A zero φ (..., 2·dim) of the population's penalty, seen from the centre in ``direction``.

    With at least two values of σ (γ and τ shared) the zeros are b = 0, ‖a − ½‖² = dim/4: a sphere
    in the space of X's coefficients (a circle for dim = 2, two points for dim = 1), which holds
    both φ = 0 and the oracle. The centre is a = (½, …, ½); ``direction`` (..., dim), not zero.
    """
    direction = np.asarray(direction, dtype=float)
    dim = direction.shape[-1]
    unit = direction / np.sqrt(dot(direction, direction))[..., None]
    return np.concatenate([0.5 + np.sqrt(dim) / 2 * unit, np.zeros_like(unit)], axis=-1)
