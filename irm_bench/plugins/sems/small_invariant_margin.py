"""Example 3 of the linear unit tests: a small invariant margin beside a large spurious one.

Half of the rows have label 0 and features 0.1 + N(0, 0.01), ``dim`` of them, and μ_e + N(0, 0.01),
``dim_spurious`` of them; the other half has label 1 and the means −0.1 and −μ_e. μ_e ~ N(0, I) is
drawn for every seed and environment. Environments have numbers. In a ``shuffled`` environment the
rows of the spurious features are in another order; ``scramble`` shows the learner the features
times a random rotation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.plugins.sems._blocks import names, rotation, shuffled
from irm_bench.theory.mixtures import Mixture
from irm_bench.theory.moments import Moments

Options = Mapping[str, Any]
Mechanism = Mapping[str, Any]
Environment = Mapping[str, float]

LABEL = "unit test 3, small invariant margin"
REFERENCE = "Aubin et al. 2021, Example 3"
GRAPH = "Y -> X; Y -> Z"
# ``example`` is the number in the paper, by which tables of all three tell it.
OPTIONS = {"example": 3, "dim": 5, "dim_spurious": 5, "scramble": 0}
PARAMETERS: dict[str, float | None] = {"number": None, "shuffled": 0.0}
CHOICES = {
    "example": (3,),
    "scramble": (0, 1),
    "shuffled": (0, 1),
    "number": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
}
LEAST = {"dim_spurious": 0}
# Half of the rows have either label.
MULTIPLE_OF = 2
MARGIN, VARIANCE = 0.1, 0.01


def feature_names(options: Options) -> list[str]:
    """Invariant and spurious ones; rotated, a feature is of both."""
    blocks = {"small": options["dim"], "large": options["dim_spurious"]}
    return names(blocks, options["scramble"])


def mechanism(rng: np.random.Generator, options: Options) -> Mechanism:
    """The mean of the features of label 0 in each environment (environment, d); the rotation."""
    dim, dim_spurious = options["dim"], options["dim_spurious"]
    spurious = rng.normal(size=(len(CHOICES["number"]), dim_spurious))
    invariant = np.full((len(spurious), dim), MARGIN)
    return {
        "means": np.hstack([invariant, spurious]),
        "dim": dim,
        "rotation": rotation(rng, dim + dim_spurious) if options["scramble"] else None,
    }


def mixing(mechanism: Mechanism) -> np.ndarray | None:
    """The rotation that the learner is shown the features through."""
    return mechanism["rotation"]


def _mean(environment: Environment, mechanism: Mechanism) -> np.ndarray:
    return mechanism["means"][int(environment["number"])]


def sample(
    rng: np.random.Generator, n_samples: int, environment: Environment, mechanism: Mechanism
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: features (n_samples, dim + dim_spurious) and labels (n_samples,), n_samples even."""
    mean, dim = _mean(environment, mechanism), mechanism["dim"]
    labels = np.repeat([0.0, 1.0], n_samples // 2)
    x = np.sqrt(VARIANCE) * rng.normal(size=(n_samples, len(mean)))
    x += (1 - 2 * labels)[:, None] * mean
    x[:, dim:] = shuffled(rng, x[:, dim:], environment["shuffled"])
    return x, labels


def population(environment: Environment, mechanism: Mechanism) -> Moments:
    """Exact moments of features and label; shuffled, spurious ones are of neither label."""
    mean, dim = _mean(environment, mechanism), mechanism["dim"]
    gram = np.outer(mean, mean) + VARIANCE * np.eye(len(mean))
    cross = -mean / 2
    if environment["shuffled"]:
        gram[:dim, dim:] = gram[dim:, :dim] = 0.0
        cross = np.append(cross[:dim], np.zeros(len(mean) - dim))
    return Moments(gram, cross, np.float64(0.5), np.append(np.zeros(len(mean)), 0.5))


def mixture(environment: Environment, mechanism: Mechanism) -> Mixture:
    """The law of the rows, a component a label; shuffled, one for each of label and direction."""
    mean, dim = _mean(environment, mechanism), mechanism["dim"]
    signs = [(1, 1), (-1, -1)]
    if environment["shuffled"]:
        signs += [(1, -1), (-1, 1)]
    means = [np.append(one * mean[:dim], other * mean[dim:]) for one, other in signs]
    labels = np.array([float(one < 0) for one, _ in signs])
    shares = np.full(len(signs), 1 / len(signs))
    return Mixture(shares, np.array(means), VARIANCE * np.eye(len(mean)), labels)
