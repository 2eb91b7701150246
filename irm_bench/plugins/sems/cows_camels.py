"""Example 2 of the linear unit tests: cows on grass and camels on sand.

A row is of one of four cells of animal (±1) and background (±1), with probabilities p·s (cow,
grass), (1 − p)·s (cow, sand), p·(1 − s) (camel, sand) and (1 − p)·(1 − s) (camel, grass). ``dim``
invariant features are 0.01·(animal + N(0, 1/10)), ``dim_spurious`` spurious ones are background +
N(0, 1/10); the label is 1 where the sum of the invariant ones is above 0.
Environments have numbers: 0, 1, 2 have (p, s) = (0.95, 0.3), (0.97, 0.5), (0.99, 0.7); of further
ones p ~ U(0.9, 1) and s ~ U(0.3, 0.7) are drawn for every seed. In a ``shuffled`` environment the
rows of the spurious features are in another order; ``scramble`` shows the learner the features
times a random rotation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr

from irm_bench.plugins.sems._blocks import names, rotation, shuffled
from irm_bench.statistics.elementary import exp
from irm_bench.theory.mixtures import Mixture
from irm_bench.theory.moments import Moments
from irm_bench.theory.small import dot

Options = Mapping[str, Any]
Mechanism = Mapping[str, Any]
Environment = Mapping[str, float]

LABEL = "unit test 2, cows and camels"
REFERENCE = "Aubin et al. 2021, Example 2"
# C is the cell: what animal on what ground.
GRAPH = "(C) -> X -> Y; (C) -> Z"
# ``example`` is the number in the paper, by which tables of all three tell it.
OPTIONS = {"example": 2, "dim": 5, "dim_spurious": 5, "scramble": 0}
PARAMETERS: dict[str, float | None] = {"number": None, "shuffled": 0.0}
CHOICES = {
    "example": (2,),
    "scramble": (0, 1),
    "shuffled": (0, 1),
    "number": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
}
LEAST = {"dim_spurious": 0}
SHARES = ((0.95, 0.3), (0.97, 0.5), (0.99, 0.7))
# Of an invariant feature, against the background; and the variance beside an animal of ±1.
SIZE, VARIANCE = 0.01, 0.1
# Animal and background of the four cells.
ANIMALS = np.array([1.0, 1.0, -1.0, -1.0])
BACKGROUNDS = np.array([1.0, -1.0, -1.0, 1.0])


def feature_names(options: Options) -> list[str]:
    """Invariant and spurious ones; rotated, a feature is of both."""
    blocks = {"animal": options["dim"], "ground": options["dim_spurious"]}
    return names(blocks, options["scramble"])


def mechanism(rng: np.random.Generator, options: Options) -> Mechanism:
    """Every environment's (p, s), the numbers of features, and the rotation."""
    n_drawn = len(CHOICES["number"]) - len(SHARES)
    drawn = rng.uniform([0.9, 0.3], [1.0, 0.7], size=(n_drawn, 2))
    size = options["dim"] + options["dim_spurious"]
    return {
        "shares": np.concatenate([SHARES, drawn]),
        "dim": options["dim"],
        "dim_spurious": options["dim_spurious"],
        "rotation": rotation(rng, size) if options["scramble"] else None,
    }


def mixing(mechanism: Mechanism) -> np.ndarray | None:
    """The rotation that the learner is shown the features through."""
    return mechanism["rotation"]


def _probabilities(environment: Environment, mechanism: Mechanism) -> np.ndarray:
    """Of the four cells (4,)."""
    p, s = mechanism["shares"][int(environment["number"])]
    return np.array([p * s, (1 - p) * s, p * (1 - s), (1 - p) * (1 - s)])


def sample(
    rng: np.random.Generator, n_samples: int, environment: Environment, mechanism: Mechanism
) -> tuple[np.ndarray, np.ndarray]:
    """Rows: features (n_samples, dim + dim_spurious) and labels (n_samples,)."""
    cells = rng.choice(4, size=n_samples, p=_probabilities(environment, mechanism))
    invariant = np.sqrt(VARIANCE) * rng.normal(size=(n_samples, mechanism["dim"]))
    invariant = SIZE * (invariant + ANIMALS[cells, None])
    spurious = np.sqrt(VARIANCE) * rng.normal(size=(n_samples, mechanism["dim_spurious"]))
    spurious += BACKGROUNDS[cells, None]
    x = np.hstack([invariant, shuffled(rng, spurious, environment["shuffled"])])
    return x, (invariant.sum(axis=1) > 0).astype(float)


def _density(points: np.ndarray) -> np.ndarray:
    """Of the standard normal law."""
    return exp(-points * points / 2) / np.sqrt(2 * np.pi)


def population(environment: Environment, mechanism: Mechanism) -> Moments:
    """Exact moments of features and label, cell by cell; shuffled, the two blocks are independent.

    Within a cell the sum S of the invariant features is normal with mean μ and variance σ², so that
    P(S > 0) = Φ(μ/σ), and E[x_j 1(S > 0)] = E[x_j] Φ(μ/σ) + Cov(x_j, S)/σ · ϕ(μ/σ).
    """
    dim, dim_spurious = mechanism["dim"], mechanism["dim_spurious"]
    weights = _probabilities(environment, mechanism)
    variance = SIZE**2 * VARIANCE
    spread = np.sqrt(dim * variance)
    means = SIZE * ANIMALS
    ratio = dim * means / spread
    positive = ndtr(ratio)
    label = dot(weights, positive)
    invariant = means * positive + variance / spread * _density(ratio)
    mean_spurious = dot(weights, BACKGROUNDS)
    with_label, together = dot(weights, BACKGROUNDS * positive), dot(weights, means * BACKGROUNDS)
    if environment["shuffled"]:
        with_label, together = mean_spurious * label, dot(weights, means) * mean_spurious
    of_invariant = SIZE**2 * np.ones((dim, dim)) + variance * np.eye(dim)
    of_spurious = np.ones((dim_spurious, dim_spurious)) + VARIANCE * np.eye(dim_spurious)
    between = np.full((dim, dim_spurious), together)
    return Moments(
        np.block([[of_invariant, between], [between.T, of_spurious]]),
        np.repeat([dot(weights, invariant), with_label], [dim, dim_spurious]),
        np.float64(label),
        np.repeat([dot(weights, means), mean_spurious, label], [dim, dim_spurious, 1]),
    )


def mixture(environment: Environment, mechanism: Mechanism) -> Mixture | None:
    """The law of the rows, a component a cell; shuffled, animal and background are independent.

    The label is taken for the animal's. Of ``dim`` invariant features it is another with
    probability Φ(−√(10 dim)), 8e-13 of five; where that is above 1e-9 (four and fewer), None.
    """
    dim, dim_spurious = mechanism["dim"], mechanism["dim_spurious"]
    if ndtr(-np.sqrt(dim / VARIANCE)) > 1e-9:
        return None
    shares = _probabilities(environment, mechanism)
    if environment["shuffled"]:
        of_animal = np.array([shares[animal == ANIMALS].sum() for animal in ANIMALS])
        of_ground = np.array([shares[ground == BACKGROUNDS].sum() for ground in BACKGROUNDS])
        shares = of_animal * of_ground
    invariant = np.repeat(SIZE * ANIMALS[:, None], dim, axis=1)
    spurious = np.repeat(BACKGROUNDS[:, None], dim_spurious, axis=1)
    variances = np.repeat([SIZE**2 * VARIANCE, VARIANCE], [dim, dim_spurious])
    labels = (ANIMALS > 0).astype(float)
    return Mixture(shares, np.hstack([invariant, spurious]), np.diag(variances), labels)
