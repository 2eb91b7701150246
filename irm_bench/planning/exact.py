"""Closed-form truth that the report draws beside the estimates, for any study of a config."""

from functools import cache

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Environment, Study
from irm_bench.planning import plan
from irm_bench.plugins import registry
from irm_bench.presentation.series import train_label
from irm_bench.theory.moments import risk

Train = tuple[Environment, ...]
CROSSING_GRID = np.geomspace(1e-3, 1e2, 60)


def causal(study: Study) -> np.ndarray:
    return registry.load("sems", study.sem).causal_solution(study.dim)


def pooled(study: Study, train: Train) -> np.ndarray:
    """φ of ERM with infinitely many rows and updates: (d,)."""
    return theory.pooled_least_squares(plan.population(study.sem, study.dim, train))


def risk_at(study: Study, phi: np.ndarray, environment: Environment) -> float:
    """Exact risk of φ in an environment."""
    return float(risk(phi, plan.population(study.sem, study.dim, [environment]).at(0)))


def at_sigma(train: Train, sigma: float) -> Environment:
    """An environment like the first of ``train`` but for its σ."""
    (name, _), *rest = train[0].parameters
    return Environment(((name, sigma), *rest))


@cache
def crossing(study: Study, train: Train) -> float:
    """The σ at which the exact ERM solution is as good as the oracle; nan if there is none."""
    solution, oracle = pooled(study, train), causal(study)

    def curve(phi: np.ndarray, sigma: float) -> float:
        return risk_at(study, phi, at_sigma(train, sigma))

    found = theory.crossing_sigmas(
        lambda sigma: curve(solution, sigma), lambda sigma: curve(oracle, sigma), CROSSING_GRID
    )
    return float(found[0]) if len(found) else float("nan")


def crossings(study: Study) -> pd.DataFrame:
    """``crossing`` of every training set of a study."""
    rows = [(train_label(train), crossing(study, train)) for train in study.train_sets]
    return pd.DataFrame(rows, columns=["train_sigmas", "crossing"])


@cache
def minima(study: Study, train: Train, weights: tuple[float, ...]) -> np.ndarray:
    """Where IRM's descent ends with infinitely many rows and updates: φ (weight, d).

    At weight 0 every φ on the invariant set is a minimum; the one that the path meets is given.
    """
    moments = plan.population(study.sem, study.dim, train)
    return theory.flow_minimum(moments, np.asarray(weights, dtype=float)).phi


@cache
def descents(study: Study, train: Train, weights: tuple[float, ...], rate: float) -> np.ndarray:
    """φ (weight, d) after the study's updates of descent with infinitely many rows."""
    moments = plan.population(study.sem, study.dim, train)
    path = theory.descent_path(moments, np.asarray(weights, dtype=float), rate, [study.steps])
    return path[0]


def start_penalty(study: Study, train: Train) -> float:
    """The true penalty, summed over environments, where training starts: at φ = (1, …, 1)."""
    moments = plan.population(study.sem, study.dim, train)
    return float(theory.penalty(np.ones(moments.n_features), moments))
