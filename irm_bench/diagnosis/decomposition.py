"""What a trained model's excess risk over the oracle is made of, with the interval of each term.

    trained risk − oracle risk = objective bias + optimisation gap + estimation error:

what the objective costs even with infinite data; what the end of training was away from the minimum
of its own objective; what finite rows moved that minimum by (``theory.decompose``). Terms may be
negative. The population's minimum is the one that gradient descent from all ones ends in.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Config, Environment, Study
from irm_bench.planning import plan
from irm_bench.planning.plan import Cell
from irm_bench.plugins import registry
from irm_bench.statistics import intervals
from irm_bench.storage import contracts
from irm_bench.storage.paged import Rows

TERMS = ("objective_bias", "optimisation_gap", "estimation_error", "excess")
SETTING = list(contracts.names(contracts.SETTING))


@cache
def population_minimum(
    sem: str, dim: int, train: tuple[Environment, ...], error_weight: float | None
) -> tuple[float, ...]:
    """φ with infinitely many rows and updates; error weight None: ERM's."""
    moments = plan.population(sem, dim, train)
    if error_weight is None:
        return tuple(theory.pooled_least_squares(moments))
    return tuple(theory.flow_minimum(moments, error_weight).phi)


def terms(
    cell: Cell, trained: np.ndarray, converged: np.ndarray, environments: Sequence[Environment]
) -> theory.Decomposition:
    """Terms (environment, seed) of trained φ (seed, d) with converged counterparts (seed, d)."""
    moments = plan.population(cell.sem, cell.dim, environments).at((slice(None), None))
    causal = registry.load("sems", cell.sem).causal_solution(cell.dim)
    population = population_minimum(cell.sem, cell.dim, cell.train, cell.error_weight)
    return theory.decompose(trained, converged, np.array(population), causal, moments)


def summary(config: Config, models: Rows, converged: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table ``decomposition`` for whole cells of ``converged``: means over seeds with
    their t intervals."""
    cells = {_key(s, cell): (s, cell) for s in config.studies for cell in plan.cells_of(s)}
    rows: list[dict[str, Any]] = []
    for values, ended in converged.groupby(SETTING, sort=False, dropna=False):
        setting = dict(zip(SETTING, values, strict=True))
        study, cell = cells[tuple(None if pd.isna(value) else value for value in values)]
        phis = [f"phi_{j + 1}" for j in range(_d(cell))]
        trained = models.find(**setting).set_index("seed")[phis].loc[ended["seed"]]
        both = (frame.to_numpy(dtype=float) for frame in (trained, ended[phis]))
        rows += [setting | row for row in _rows(study, cell, *both)]
    return pd.DataFrame(rows)


def _key(study: Study, cell: Cell) -> tuple[Any, ...]:
    named = {"study": study.name, "train_sigmas": cell.train_sigmas}
    return tuple(named.get(name, getattr(cell, name, None)) for name in SETTING)


def _d(cell: Cell) -> int:
    return int(registry.load("sems", cell.sem).n_features(cell.dim))


def _rows(
    study: Study, cell: Cell, trained: np.ndarray, converged: np.ndarray
) -> Iterator[dict[str, Any]]:
    where = [("train", e) for e in cell.train] + [("test", e) for e in study.test_environments]
    good = np.isfinite(trained).all(axis=1) & np.isfinite(converged).all(axis=1)
    if not good.any():
        return
    found = terms(cell, trained[good], converged[good], [e for _, e in where])
    counts = {"n_seeds": int(good.sum()), "n_diverged": int((~good).sum())}
    for term in TERMS:
        values = np.broadcast_to(getattr(found, term), (len(where), counts["n_seeds"]))
        deviations = values.std(axis=1, ddof=1) if counts["n_seeds"] > 1 else [np.nan] * len(where)
        bounds = zip(*intervals.t_intervals(values), deviations, strict=True)
        for (split, environment), (mean, low, high, sd) in zip(where, bounds, strict=True):
            yield {
                "split": split,
                "environment": environment.label,
                **environment.mapping,
                "quantity": term,
                **counts,
                "mean": mean,
                "sd": sd,
                "ci_low": low,
                "ci_high": high,
                "ci_method": "t",
            }
