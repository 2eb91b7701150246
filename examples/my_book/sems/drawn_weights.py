"""X causes Y, Y causes Z, by weights that are drawn anew for every seed.

X ← N(0, σ²), Y ← W_y X + N(0, σ²), Z ← γ W_z Y + N(0, 1), each of ``dim`` components; the features
are (X, Z), the target is ΣY.
"""

import numpy as np

from irm_bench.theory.moments import Moments

LABEL = "chain with drawn weights"
REFERENCE = "after Arjovsky et al. 2019, section 5.1"
# Options of the structure, with their defaults: in a config, a list of values is a grid.
OPTIONS = {"dim": 2}
# The parameters of an environment; None marks one that has no default.
PARAMETERS = {"sigma": None, "gamma": 1.0}
POSITIVE = ("sigma",)


def feature_names(options):
    return [f"{letter}_{j + 1}" for letter in ("x", "z") for j in range(options["dim"])]


def roles(options):
    """Which features cause the target, and which are its effects."""
    return ["cause"] * options["dim"] + ["effect"] * options["dim"]


def mechanism(rng, options):
    """What is fixed for a seed: drawn from a random stream of its own."""
    shape = (options["dim"], options["dim"])
    return {
        "w_y": rng.normal(size=shape) / 2,
        "w_z": rng.normal(size=shape) / 2,
        "dim": options["dim"],
    }


def sample(rng, n_samples, environment, mechanism):
    """Rows: features (n_samples, 2·dim) and target (n_samples,)."""
    shape = (n_samples, mechanism["dim"])
    x = environment["sigma"] * rng.normal(size=shape)
    y = x @ mechanism["w_y"].T + environment["sigma"] * rng.normal(size=shape)
    z = environment["gamma"] * y @ mechanism["w_z"].T + rng.normal(size=shape)
    return np.hstack([x, z]), y.sum(axis=1)


# Everything below is optional: with it, the page shows exact risks and the oracle beside.


def population(environment, mechanism):
    """Exact moments: gram (d, d), cross (d,), target (), and the means (d + 1,)."""
    variance, dim = environment["sigma"] ** 2, mechanism["dim"]
    w_y, w_z = mechanism["w_y"], environment["gamma"] * mechanism["w_z"]
    x_y = variance * w_y.T
    y_y = variance * (w_y @ w_y.T + np.eye(dim))
    gram = np.block(
        [
            [variance * np.eye(dim), x_y @ w_z.T],
            [w_z @ x_y.T, w_z @ y_y @ w_z.T + np.eye(dim)],
        ]
    )
    ones = np.ones(dim)
    cross = np.concatenate([x_y @ ones, w_z @ y_y @ ones])
    return Moments(gram, cross, ones @ y_y @ ones, np.zeros(2 * dim + 1))


def causal_solution(mechanism):
    """The oracle φ: the weights of the target's own mechanism."""
    return np.concatenate([mechanism["w_y"].sum(axis=0), np.zeros(mechanism["dim"])])


def noise_floor(environment, mechanism):
    """Risk of the oracle."""
    return mechanism["dim"] * environment["sigma"] ** 2
