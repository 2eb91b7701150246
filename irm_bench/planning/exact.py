"""Exact truth of a study's models and environments: populations, oracles, minima and crossings."""

from functools import cache, lru_cache

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Environment, Study
from irm_bench.config.layout import set_label
from irm_bench.planning import plan
from irm_bench.planning.plan import Dataset
from irm_bench.plugins.model import Model
from irm_bench.statistics import elementary
from irm_bench.theory.moments import Moments, risk, stack

Train = tuple[Environment, ...]
CROSSING_GRID = elementary.geometric(1e-3, 1e2, 60)


def of_seeds(
    model: Model, environment: Environment, root_seed: int, seeds: np.ndarray
) -> Moments | None:
    """Exact moments of an environment: the same for all seeds, or (seed, …); None: unknown."""
    if not model.has("population"):
        return None
    if model.is_fixed:
        return plan.population(model, [environment]).at(0)
    return _of_drawn(model, environment, root_seed, tuple(seeds.tolist()))


# Settings of methods on the same rows ask for the same moments, in turn for each environment.
@lru_cache(maxsize=256)
def _of_drawn(
    model: Model, environment: Environment, root_seed: int, seeds: tuple[int, ...]
) -> Moments:
    """Exact moments (seed, …), not to be written to, of mechanisms that are drawn for each seed."""
    found = []
    for seed in seeds:
        mechanism = model.mechanism(root_seed, seed)
        moments = model.population(environment.mapping, mechanism)
        assert moments is not None
        found.append(moments)
    return stack(found)


def causal_of_seeds(model: Model, root_seed: int, seeds: np.ndarray) -> np.ndarray | None:
    """The oracle φ: (d,) the same for every seed, or (seed, d); None: the SEM does not know it."""
    if not model.has("causal_solution"):
        return None
    if model.is_fixed:
        return model.causal(model.option)
    found = [model.causal(model.mechanism(root_seed, int(seed))) for seed in seeds]
    return np.array(found)


def floor_of_seeds(dataset: Dataset, root_seed: int, seeds: np.ndarray) -> float | np.ndarray:
    """Risk of the oracle: a number for all seeds or (seed,); NaN where the SEM does not know it."""
    model, environment = dataset.model, dataset.environment.mapping
    if model.is_fixed:
        return model.noise_floor(environment, model.option)
    mechanisms = (model.mechanism(root_seed, int(seed)) for seed in seeds)
    return np.array([model.noise_floor(environment, mechanism) for mechanism in mechanisms])


def causal(study: Study) -> np.ndarray:
    """The oracle φ (d,) of a study whose SEM is the same for every seed."""
    found = study.model.causal(study.model.option)
    if found is None:
        raise ValueError(f"{study.sem} knows no causal solution")
    return found


def pooled(study: Study, train: Train) -> np.ndarray:
    """φ of ERM with infinitely many rows and updates: (d,)."""
    return theory.pooled_least_squares(plan.population(study.model, train))


def risk_at(study: Study, phi: np.ndarray, environment: Environment) -> float:
    """Exact risk of φ in an environment."""
    return float(risk(phi, plan.population(study.model, [environment]).at(0)))


def at_sigma(train: Train, sigma: float) -> Environment:
    """An environment like the first of ``train`` but for its main parameter."""
    first = train[0]
    (name, _), *rest = first.parameters
    return Environment(((name, sigma), *rest), first.defaults)


@cache
def crossing(study: Study, train: Train) -> float:
    """The σ at which the exact ERM solution is as good as the oracle; nan if there is none."""
    return crossing_of(study, train, pooled(study, train), causal(study))


def crossing_of(study: Study, train: Train, first: np.ndarray, second: np.ndarray) -> float:
    """The least σ at which two φ (d,) have the same exact risk; nan if there is none.

    None is known either where one has no finite risk, as after a training that diverged.
    """

    def curve(phi: np.ndarray, sigma: float) -> float:
        return risk_at(study, phi, at_sigma(train, sigma))

    try:
        sigmas = theory.crossing_sigmas(
            lambda sigma: curve(first, sigma), lambda sigma: curve(second, sigma), CROSSING_GRID
        )
    except ValueError:
        return float("nan")
    return float(sigmas[0]) if len(sigmas) else float("nan")


def crossings(study: Study) -> pd.DataFrame:
    """``crossing`` of every training set of a study."""
    rows = [(set_label(train), crossing(study, train)) for train in study.train_sets]
    return pd.DataFrame(rows, columns=["train_sigmas", "crossing"])


@cache
def minima(study: Study, train: Train, weights: tuple[float, ...]) -> np.ndarray:
    """Where IRM's descent ends with infinitely many rows and updates: φ (weight, d).

    At weight 0 every φ on the invariant set is a minimum; the one that the path meets is given.
    """
    moments = plan.population(study.model, train)
    return theory.flow_minimum(moments, np.asarray(weights, dtype=float)).phi


@cache
def descents(study: Study, train: Train, weights: tuple[float, ...], rate: float) -> np.ndarray:
    """φ (weight, d) after the study's updates of descent with infinitely many rows."""
    moments = plan.population(study.model, train)
    path = theory.descent_path(moments, np.asarray(weights, dtype=float), rate, [study.steps])
    return path[0]


def start_penalty(study: Study, train: Train) -> float:
    """The true penalty, summed over environments, where training starts: at φ = (1, …, 1)."""
    moments = plan.population(study.model, train)
    return float(theory.penalty(np.ones(moments.n_features), moments))
