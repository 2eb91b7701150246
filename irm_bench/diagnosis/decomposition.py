"""What a trained model's excess risk over the oracle is made of, with the interval of each term.

    trained risk − oracle risk = objective bias + optimisation gap + estimation error:

what the objective costs even with infinite data; what the end of training was away from the minimum
of its own objective; what finite rows moved that minimum by (``theory.decompose``). Terms may be
negative. The population's minimum is the one that gradient descent from all ones ends in.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Config, Environment, Study
from irm_bench.config.layout import layout_of
from irm_bench.diagnosis.converge import TRAINED
from irm_bench.planning import exact, plan
from irm_bench.planning.columns import place, setting
from irm_bench.planning.plan import Cell
from irm_bench.plugins.model import Model
from irm_bench.statistics import intervals
from irm_bench.storage import tables
from irm_bench.theory.moments import Moments, stack

TERMS = ("objective_bias", "optimisation_gap", "estimation_error", "excess")


def summary(config: Config, converged: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table ``decomposition`` for whole cells of what ``converge.frames`` gives: means
    over seeds with their t intervals."""
    layout = layout_of(config)
    keys = list(tables.contracts(config)["converged"].keys)
    cells = {}
    # Of a model and its training environments: the error weights whose minima are found together.
    weights: dict[Any, list[float]] = {}
    for study in config.studies:
        for cell in plan.cells_of(study):
            cells[_key(setting(layout, (0, 0), study, cell), keys)] = (study, cell)
            together = weights.setdefault((cell.model, cell.train), [])
            if cell.error_weight is not None and cell.error_weight not in together:
                together.append(cell.error_weight)
    rows: list[dict[str, Any]] = []
    for values, ended in converged.groupby(keys, sort=False, dropna=False):
        where = dict(zip(keys, values, strict=True))
        study, cell = cells[_key(where, keys)]
        if not _is_decomposable(cell):
            continue
        phis = [f"phi_{j + 1}" for j in range(cell.model.n_features)]
        of_cell = _rows(
            config,
            study,
            cell,
            ended["seed"].to_numpy(),
            ended[[f"{TRAINED}{phi}" for phi in phis]].to_numpy(dtype=float),
            ended[phis].to_numpy(dtype=float),
            tuple(weights[cell.model, cell.train]),
        )
        rows += [where | row for row in of_cell]
    return pd.DataFrame(rows)


def _key(columns: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    """Values of a table's keys, to be looked up by: NaN is equal to nothing, not even itself."""
    return tuple(None if pd.isna(columns[key]) else columns[key] for key in keys)


def _is_decomposable(cell: Cell) -> bool:
    """Whether theory knows where its objective ends: from ones, or whatever the start for ERM."""
    is_known = cell.model.has("population") and cell.model.has("causal_solution")
    return is_known and (cell.start == "ones" or cell.method.get("COUNTERPART") == "erm")


def _rows(
    config: Config,
    study: Study,
    cell: Cell,
    seeds: np.ndarray,
    trained: np.ndarray,
    converged: np.ndarray,
    weights: tuple[float, ...],
) -> Iterator[dict[str, Any]]:
    """Mean, spread and interval of each term in each environment, over seeds that are finite."""
    splits = ["train"] * len(cell.train) + ["test"] * len(study.test_environments)
    environments = [*cell.train, *study.test_environments]
    good = np.isfinite(trained).all(axis=1) & np.isfinite(converged).all(axis=1)
    if not good.any():
        return
    decomposed = terms(
        cell,
        trained[good],
        converged[good],
        environments,
        config.root_seed,
        seeds[good],
        weights,
    )
    shape = (len(environments), int(good.sum()))
    values = np.stack([np.broadcast_to(getattr(decomposed, term), shape) for term in TERMS])
    # a risk past the largest double is of a run that diverged, though its φ is a number still
    values = values[..., np.isfinite(values).all(axis=(0, 1))]
    n_seeds = values.shape[-1]
    if not n_seeds:
        return
    counts = {"n_seeds": n_seeds, "n_diverged": len(good) - n_seeds}
    layout = layout_of(config)
    for term, of_term in zip(TERMS, values, strict=True):
        mean, low, high = intervals.t_intervals(of_term)
        deviation = np.full(len(environments), np.nan)
        if n_seeds > 1:
            deviation = of_term.std(axis=1, ddof=1)
        for e, environment in enumerate(environments):
            yield {
                **place(layout, splits[e], environment),
                "quantity": term,
                **counts,
                "mean": mean[e],
                "sd": deviation[e],
                "ci_low": low[e],
                "ci_high": high[e],
                "ci_method": "t",
            }


def terms(
    cell: Cell,
    trained: np.ndarray,
    converged: np.ndarray,
    environments: Sequence[Environment],
    root_seed: int = 0,
    seeds: np.ndarray | None = None,
    weights: tuple[float, ...] = (),
) -> theory.Decomposition:
    """Terms (environment, seed) of trained φ (seed, d) with converged counterparts (seed, d).

    ``seeds`` (seed,) are asked for where the SEM's mechanism is drawn for each of them, and
    ``weights`` are the error weights whose minima are then found together with the cell's own.
    """
    model = cell.model
    if model.is_fixed:
        moments = plan.population(model, list(environments)).at((slice(None), None))
        population = np.array(population_minimum(model, cell.train, cell.error_weight))
        causal = model.causal(model.option)
    else:
        assert seeds is not None
        moments = _of_seeds(model, environments, root_seed, seeds)
        told = tuple(seeds.tolist())
        population = _minimum_of_seeds(
            model, cell.train, cell.error_weight, root_seed, told, weights
        )
        causal = exact.causal_of_seeds(model, root_seed, seeds)
    assert causal is not None  # ``_is_decomposable`` has seen to it
    return theory.decompose(trained, converged, population, causal, moments)


@cache
def population_minimum(
    model: Model, train: tuple[Environment, ...], error_weight: float | None
) -> tuple[float, ...]:
    """φ with infinitely many rows and updates; error weight None: ERM's."""
    moments = plan.population(model, train)
    if error_weight is None:
        return tuple(theory.pooled_least_squares(moments))
    return tuple(theory.flow_minimum(moments, error_weight).phi)


def _minimum_of_seeds(
    model: Model,
    train: tuple[Environment, ...],
    error_weight: float | None,
    root_seed: int,
    seeds: tuple[int, ...],
    weights: tuple[float, ...],
) -> np.ndarray:
    """The same φ (seed, d) of mechanisms that are drawn for each seed; not to be written to."""
    if error_weight is None:
        moments = _swapped(_of_seeds(model, train, root_seed, np.array(seeds)))
        return theory.pooled_least_squares(moments)
    together = weights if error_weight in weights else (error_weight,)
    minima = _minima_of_seeds(model, train, together, root_seed, seeds)
    return minima[together.index(error_weight)]


@cache
def _minima_of_seeds(
    model: Model,
    train: tuple[Environment, ...],
    weights: tuple[float, ...],
    root_seed: int,
    seeds: tuple[int, ...],
) -> np.ndarray:
    """IRM's minima (weight, seed, d): in one batch, for a step costs the same calls for all."""
    moments = _swapped(_of_seeds(model, train, root_seed, np.array(seeds)))
    return theory.flow_minimum(moments, np.array(weights)[:, None]).phi


def _of_seeds(
    model: Model, environments: Sequence[Environment], root_seed: int, seeds: np.ndarray
) -> Moments:
    """Exact moments (environment, seed, …)."""
    found = [exact.of_seeds(model, environment, root_seed, seeds) for environment in environments]
    return stack([moments for moments in found if moments is not None])


def _swapped(moments: Moments) -> Moments:
    """Moments (environment, seed, …) as (seed, environment, …)."""
    gram, cross, target = (
        np.swapaxes(array, 0, 1) for array in (moments.gram, moments.cross, moments.target)
    )
    return Moments(gram, cross, target)
