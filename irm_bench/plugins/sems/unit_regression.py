"""Example 1 of the linear unit tests: cause and effect of a target with heteroskedastic noise.

X ← N(0, e²), Y ← X W_xy + N(0, e²), Z ← Y W_yz + N(0, 1); X and Y have ``dim`` components, Z has
``dim_spurious``; the features are (X, Z), the target is ΣY. W_xy ~ N(0, 1)/dim and W_yz ~ N(0, 1)/
dim_spurious are drawn for every seed. Environments have numbers: 0, 1, 2 have e = 0.1, 1.5, 2, and
of further ones e = 10^U(−2, 1) is drawn for every seed. In a ``shuffled`` environment the rows of Z
are in another order; ``scramble`` shows the learner the features times a random rotation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._blocks import names, rotation, shuffled
from irm_bench.theory.moments import Moments
from irm_bench.theory.small import multiply

Options = Mapping[str, Any]
Mechanism = Mapping[str, Any]
Environment = Mapping[str, float]

LABEL = "unit test 1, regression"
GRAPH = "X -> Y -> Z"
REFERENCE = "Aubin et al. 2021, Example 1"
# ``example`` is the number in the paper, by which tables of all three tell it.
OPTIONS = {"example": 1, "dim": 5, "dim_spurious": 5, "scramble": 0}
PARAMETERS: dict[str, float | None] = {"number": None, "shuffled": 0.0}
CHOICES = {
    "example": (1,),
    "scramble": (0, 1),
    "shuffled": (0, 1),
    "number": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
}
LEAST = {"dim_spurious": 0}
SCALES = (0.1, 1.5, 2.0)


def feature_names(options: Options) -> list[str]:
    """X and Z; rotated, a feature is of both."""
    return names({"x": options["dim"], "z": options["dim_spurious"]}, options["scramble"])


def roles(options: Options) -> list[str]:
    """X causes the target, Z is its effect; rotated, all are both."""
    dim, dim_spurious = options["dim"], options["dim_spurious"]
    if options["scramble"]:
        return ["mixed"] * (dim + dim_spurious)
    return ["cause"] * dim + ["effect"] * dim_spurious


def mechanism(rng: np.random.Generator, options: Options) -> Mechanism:
    """W_xy (dim, dim) and W_yz (dim, dim_spurious), every environment's e, and the rotation."""
    dim, dim_spurious = options["dim"], options["dim_spurious"]
    n_drawn = len(CHOICES["number"]) - len(SCALES)
    found: dict[str, Any] = {
        "xy": rng.normal(size=(dim, dim)) / dim,
        "yz": rng.normal(size=(dim, dim_spurious)) / max(dim_spurious, 1),
        "scales": np.append(
            SCALES, [10.0**power for power in rng.uniform(-2, 1, size=n_drawn).tolist()]
        ),
    }
    is_rotated = options["scramble"]
    found["rotation"] = rotation(rng, dim + dim_spurious) if is_rotated else None
    return found


def _powers(exponents: np.ndarray) -> list[float]:
    """Of ten; by the C library, as numpy's own round by the processor."""
    return [10.0**exponent for exponent in exponents.tolist()]


def mixing(mechanism: Mechanism) -> np.ndarray | None:
    """The rotation that the learner is shown the features through."""
    return mechanism["rotation"]


def causal_solution(mechanism: Mechanism) -> np.ndarray:
    """Weights (dim + dim_spurious,) of X and Z in ΣY: the rows of W_xy summed, and zeros."""
    return np.append(mechanism["xy"].sum(axis=1), np.zeros(mechanism["yz"].shape[1]))


def _scale(environment: Environment, mechanism: Mechanism) -> float:
    return float(mechanism["scales"][int(environment["number"])])


def sample(
    rng: np.random.Generator, n_samples: int, environment: Environment, mechanism: Mechanism
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: features (n_samples, dim + dim_spurious) and target (n_samples,)."""
    dim, dim_spurious = mechanism["yz"].shape
    scale = _scale(environment, mechanism)
    x = scale * rng.normal(size=(n_samples, dim))
    y = multiply(x, mechanism["xy"]) + scale * rng.normal(size=(n_samples, dim))
    z = multiply(y, mechanism["yz"]) + rng.normal(size=(n_samples, dim_spurious))
    return np.hstack([x, shuffled(rng, z, environment["shuffled"])]), y.sum(axis=1)


def population(environment: Environment, mechanism: Mechanism) -> Moments:
    """Exact moments of the features; of shuffled rows Z keeps its own covariance alone."""
    xy, yz = mechanism["xy"], mechanism["yz"]
    dim, dim_spurious = yz.shape
    variance = _scale(environment, mechanism) ** 2
    of_y = variance * (multiply(xy.T, xy) + np.eye(dim))
    of_z = multiply(multiply(yz.T, of_y), yz) + np.eye(dim_spurious)
    keeps = 1.0 - environment["shuffled"]
    of_xz = keeps * variance * multiply(xy, yz)
    gram = np.block([[variance * np.eye(dim), of_xz], [of_xz.T, of_z]])
    cross = np.append(variance * xy.sum(axis=1), keeps * multiply(of_y, yz).sum(axis=0))
    return Moments(gram, cross, np.float64(of_y.sum()), np.zeros(dim + dim_spurious + 1))


def noise_floor(environment: Environment, mechanism: Mechanism) -> float:
    """Risk of the causal weights: the variance of ΣY − X W_xy 1."""
    return float(mechanism["yz"].shape[0] * _scale(environment, mechanism) ** 2)
