"""The chain of the IRM paper's synthetic experiment, as its repository draws it.

H ← N(0, e²), X ← H W_hx + N(0, e²), Y ← X W_xy + H W_hy + N(0, s_y²), Z ← Y W_yz + H W_hz + N(0,
s_z²), each of ``dim`` components; the variables are (X, Z), the target is ΣY. The scale of the
environment is e. Noise is homoskedastic (``hetero`` 0) with s_y = 1, s_z = e, or heteroskedastic
(1) with s_y = e, s_z = 1. Without ``hidden`` common causes W_hx = I, W_hy = W_hz = 0; with them the
three are drawn, N(0, 1) / (2·dim). W_xy = W_yz = I, or drawn likewise (``weights`` "random").
``scramble`` shows the learner the variables times a random rotation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._blocks import names, rotation
from irm_bench.theory.moments import Moments
from irm_bench.theory.small import dot, multiply

Options = Mapping[str, Any]
Mechanism = Mapping[str, Any]
Environment = Mapping[str, float]

LABEL = "chain"
GRAPH = "X -> Y -> Z; (H) -> X; (H) -> Y; (H) -> Z"
REFERENCE = "Arjovsky et al. 2019, section 5.1, and its repository, code/experiment_synthetic"
OPTIONS = {"dim": 5, "hidden": 0, "hetero": 0, "scramble": 0, "weights": "ones"}
CHOICES = {"weights": ("ones", "random"), "hidden": (0, 1), "hetero": (0, 1), "scramble": (0, 1)}
PARAMETERS: dict[str, float | None] = {"e": None}
POSITIVE = ("e",)


def feature_names(options: Options) -> list[str]:
    """X and Z have ``dim`` components each; rotated, a feature is of all of them."""
    return names({"x": options["dim"], "z": options["dim"]}, options["scramble"])


def roles(options: Options) -> list[str]:
    """X causes the target, Z is its effect; rotated, all are both."""
    dim = options["dim"]
    return ["mixed"] * (2 * dim) if options["scramble"] else ["cause"] * dim + ["effect"] * dim


def mechanism(rng: np.random.Generator, options: Options) -> Mechanism:
    """Weights (dim, dim), which act from the right, and the rotation (2·dim, 2·dim) or None."""
    dim = options["dim"]

    def drawn() -> np.ndarray:
        return rng.normal(size=(dim, dim)) / (2 * dim)

    identity, nothing = np.eye(dim), np.zeros((dim, dim))
    is_random = options["weights"] == "random"
    found: dict[str, Any] = {
        "xy": drawn() if is_random else identity,
        "yz": drawn() if is_random else identity,
        "rotation": rotation(rng, 2 * dim) if options["scramble"] else None,
    }
    for name, otherwise in (("hx", identity), ("hy", nothing), ("hz", nothing)):
        found[name] = drawn() if options["hidden"] else otherwise
    return found | {"hetero": options["hetero"], "dim": dim}


def mixing(mechanism: Mechanism) -> np.ndarray | None:
    """The rotation that the learner is shown the variables through."""
    return mechanism["rotation"]


def causal_solution(mechanism: Mechanism) -> np.ndarray:
    """Weights (2·dim,) of X and Z in ΣY: the rows of W_xy summed, and zeros."""
    return np.concatenate([mechanism["xy"].sum(axis=1), np.zeros(mechanism["dim"])])


def _noise(environment: Environment, mechanism: Mechanism) -> tuple[float, float]:
    """Standard deviations of the noise of Y and of Z."""
    e = environment["e"]
    return (e, 1.0) if mechanism["hetero"] else (1.0, e)


def sample(
    rng: np.random.Generator, n_samples: int, environment: Environment, mechanism: Mechanism
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: variables (n_samples, 2·dim) and target (n_samples,)."""
    shape = (n_samples, mechanism["dim"])
    noise_y, noise_z = _noise(environment, mechanism)
    h = environment["e"] * rng.normal(size=shape)
    x = multiply(h, mechanism["hx"]) + environment["e"] * rng.normal(size=shape)
    y = (
        multiply(x, mechanism["xy"])
        + multiply(h, mechanism["hy"])
        + noise_y * rng.normal(size=shape)
    )
    z = (
        multiply(y, mechanism["yz"])
        + multiply(h, mechanism["hz"])
        + noise_z * rng.normal(size=shape)
    )
    return np.hstack([x, z]), y.sum(axis=1)


def population(environment: Environment, mechanism: Mechanism) -> Moments:
    """Exact moments of the variables: all are sums of four independent noises.

    What each variable takes of the noises of H, X, Y and Z is a stack of four matrices (dim, dim),
    scaled by the noise's standard deviation.
    """
    dim, e = mechanism["dim"], environment["e"]
    noise_y, noise_z = _noise(environment, mechanism)
    nothing, identity = np.zeros((dim, dim)), np.eye(dim)
    h = np.concatenate([e * identity, nothing, nothing, nothing])
    x = multiply(h, mechanism["hx"]) + np.concatenate([nothing, e * identity, nothing, nothing])
    own_y = np.concatenate([nothing, nothing, noise_y * identity, nothing])
    y = multiply(x, mechanism["xy"]) + multiply(h, mechanism["hy"]) + own_y
    own_z = np.concatenate([nothing, nothing, nothing, noise_z * identity])
    z = multiply(y, mechanism["yz"]) + multiply(h, mechanism["hz"]) + own_z
    variables, target = np.hstack([x, z]), y.sum(axis=1)
    return Moments(
        multiply(variables.T, variables),
        dot(variables.T, target),
        np.float64(dot(target, target)),
        np.zeros(2 * dim + 1),
    )


def noise_floor(environment: Environment, mechanism: Mechanism) -> float:
    """Risk of the causal weights: the variance of ΣY − X W_xy 1, hidden causes included."""
    noise_y, _ = _noise(environment, mechanism)
    from_hidden = mechanism["hy"].sum(axis=1)
    hidden = environment["e"] ** 2 * dot(from_hidden, from_hidden)
    return float(hidden + mechanism["dim"] * noise_y**2)
