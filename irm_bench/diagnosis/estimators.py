"""The penalty's estimators at fixed φ, on every seed's own rows: what splitting the batch does.

Two predictors: the oracle, where the true penalty is 0, and ERM's population solution, where it is
not. For each of them, each training environment whose product covariance is kept, and each seed:
the plug-in estimate, the U-statistic, and split-half over ``N_SPLITS`` random splits. Written
directly from the rows' derivatives h_i = (φᵀx_i)(φᵀx_i − y_i), apart from the training engine.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Config
from irm_bench.config.layout import Layout, layout_of
from irm_bench.engine.signs import balanced_signs
from irm_bench.planning import plan
from irm_bench.planning.columns import place, structure
from irm_bench.planning.plan import Cell, Dataset
from irm_bench.planning.sampling import rows
from irm_bench.statistics import bootstrap
from irm_bench.statistics.streams import generator
from irm_bench.storage import tables
from irm_bench.storage.handover import MomentStore
from irm_bench.theory import small

# Random splits of each seed's rows; every seed of one n shares them, as in training.
N_SPLITS = 32
N_RESAMPLES = 2000


def frames(config: Config, inputs: MomentStore, shard: int) -> Iterator[dict[str, Any]]:
    """The shard's part of ``penalty_draws``: a row a setting, predictor, estimator and seed."""
    uses, mine = plan.datasets(config), set(plan.shard_seeds(config, shard))
    for i, (cell, with_splits) in enumerate(_settings(config).items()):
        for j, dataset in enumerate(cell.datasets()):
            seeds = np.array(sorted(uses[dataset].seeds & mine))
            if len(seeds):
                order = {"order_1": i, "order_2": j}
                signs = _signs(config, dataset.n_samples) if with_splits else None
                for row in _rows(config, inputs, cell, dataset, seeds, signs):
                    yield order | row


def _settings(config: Config) -> dict[Cell, bool]:
    """One cell for each training set whose product covariances are kept, and whether some cell of
    the same rows trains on random splits: where none does, or moments are drawn in their place,
    none are drawn here either."""
    wanted = {dataset: use.wanted for dataset, use in plan.datasets(config).items()}
    firsts: dict[tuple[Dataset, ...], Cell] = {}
    split: set[tuple[Dataset, ...]] = set()
    for cell in plan.cells(config):
        key = cell.datasets()
        is_split = cell.penalty is not None and "splits" in cell.penalty.get("NEEDS", ())
        if is_split and cell.sampling == "rows":
            split.add(key)
        is_known = cell.model.is_fixed and cell.model.has("population")
        if is_known and cell.model.has("causal_solution") and all(wanted[d] for d in key):
            firsts.setdefault(key, cell)
    return {cell: key in split for key, cell in firsts.items()}


def _signs(config: Config, n_samples: int) -> np.ndarray:
    rng = generator(config.root_seed, role="estimator_splits", n_samples=n_samples)
    return balanced_signs(rng, N_SPLITS, n_samples).astype(float)


def predictors(cell: Cell) -> dict[str, np.ndarray]:
    """The fixed φ (d,) by name."""
    population = plan.population(cell.model, cell.train)
    causal = cell.model.causal(cell.model.option)
    assert causal is not None  # ``_settings`` has seen to it
    return {"causal": causal, "erm": theory.pooled_least_squares(population)}


def _rows(
    config: Config,
    inputs: MomentStore,
    cell: Cell,
    dataset: Dataset,
    seeds: np.ndarray,
    signs: np.ndarray | None,
) -> Iterator[dict[str, Any]]:
    layout, phis = layout_of(config), predictors(cell)
    halves = None if signs is None else _halves(config, dataset, seeds, phis, signs)
    population = plan.population(cell.model, [dataset.environment])
    for k, (name, phi) in enumerate(phis.items()):
        truth = float(theory.penalty(phi, population))
        estimates = _estimates(inputs, dataset, seeds, phi)
        if halves is not None:
            estimates["split_half"] = estimates["plug_in"] - 4 * halves[name] ** 2
        laws = _laws(cell, dataset, phi)
        for estimator, values in estimates.items():
            yield {
                "order_3": k,
                **_setting(layout, cell, dataset),
                "predictor": name,
                "estimator": estimator,
                "seed": seeds,
                "n_draws": values.shape[1],
                "estimate": values[:, 0],
                "mean_estimate": values.mean(axis=1),
                "squared_error": ((values - truth) ** 2).mean(axis=1),
                "negative_share": (values < 0).mean(axis=1),
                "true_penalty": truth,
                **laws[estimator],
            }


def _setting(layout: Layout, cell: Cell, dataset: Dataset) -> dict[str, Any]:
    where = place(layout, dataset.split, dataset.environment)
    return {
        **structure(layout, cell.model),
        "n_samples": cell.n_samples,
        layout.train_column: cell.train_label,
        "environment": dataset.environment.label,
        **{name: where[name] for name, _ in layout.main_parameters},
    }


def _laws(cell: Cell, dataset: Dataset, phi: np.ndarray) -> dict[str, dict[str, float]]:
    """``theory.penalty_estimators`` as columns; NaN where the SEM does not know its law."""
    names = ("bias", "variance", "negative_share")
    covariance = cell.model.product_covariance(dataset.environment.mapping)
    if covariance is None:
        unknown = {f"exact_{name}": np.nan for name in names}
        return dict.fromkeys(("plug_in", "u_statistic", "split_half"), unknown)
    moments = plan.population(cell.model, [dataset.environment]).at(0)
    laws = theory.penalty_estimators(phi, moments, covariance, cell.n_samples)
    return {
        estimator: {f"exact_{name}": float(getattr(law, name)) for name in names}
        for estimator, law in laws.items()
    }


def _estimates(
    inputs: MomentStore, dataset: Dataset, seeds: np.ndarray, phi: np.ndarray
) -> dict[str, np.ndarray]:
    """Plug-in and U-statistic (seed, 1) of one environment, from its moments."""
    moments = inputs.moments(dataset, seeds)
    value = small.form(phi, moments.gram) - small.dot(moments.cross, phi)
    variance = inputs.take(dataset, seeds, "product_variance")
    spread = small.form(theory.quadratic_coefficients(phi), variance)
    estimates = {"plug_in": 4 * value**2, "u_statistic": 4 * (value**2 - spread)}
    return {name: values[:, None] for name, values in estimates.items()}


def _halves(
    config: Config,
    dataset: Dataset,
    seeds: np.ndarray,
    phis: Mapping[str, np.ndarray],
    signs: np.ndarray,
) -> dict[str, np.ndarray]:
    """Half the difference of the two halves' means of h, by predictor: (seed, split)."""
    halves = {name: np.empty((len(seeds), len(signs))) for name in phis}
    for row, seed in enumerate(seeds):
        chunks = list(rows(dataset, config.root_seed, int(seed)))
        for name, phi in phis.items():
            # einsum, not BLAS: the same bits for every number of threads
            fitted = [np.einsum("nj,j->n", x, phi) for x, _ in chunks]
            h = np.concatenate([f * (f - y) for f, (_, y) in zip(fitted, chunks, strict=True)])
            halves[name][row] = np.einsum("kn,n->k", signs, h) / len(h)
    return halves


def summary(config: Config, draws: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table ``penalty_estimates``: bias, variance, squared error and share of negative
    values over seeds, each beside its exact value."""
    keys = list(tables.contracts(config)["penalty_draws"].keys)
    rows, samples = [], []
    for key, group in draws.groupby(keys, sort=False, dropna=False):
        exact = _exact(group.iloc[0])
        for name, values in _samples(group).items():
            row = dict(zip(keys, key, strict=True))
            row |= {"true_penalty": group["true_penalty"].iloc[0], "quantity": name}
            rows.append(row | {"n_seeds": len(group), "mean": values.mean(), "truth": exact[name]})
            samples.append(values)
    table = pd.DataFrame(rows)
    table[["ci_low", "ci_high"]] = np.nan
    for n in sorted(set(table["n_seeds"])):  # one set of resamples for all of equal n
        chosen = np.flatnonzero(table["n_seeds"] == n)
        matrix = np.stack([samples[i] for i in chosen])
        rng = generator(
            config.root_seed, role="bootstrap", table="penalty_estimates", n_seeds=int(n)
        )
        bounds = bootstrap.bca_mean_intervals(matrix, rng, N_RESAMPLES)
        table.loc[chosen, ["ci_low", "ci_high"]] = np.column_stack(bounds)
    return table.assign(ci_method="BCa")


def _samples(group: pd.DataFrame) -> dict[str, np.ndarray]:
    """One value a seed (n,), whose mean over seeds is the quantity."""
    columns = ("mean_estimate", "squared_error", "negative_share", "true_penalty")
    mean, squared, negative, truth = (group[c].to_numpy(dtype=float) for c in columns)
    bias = mean - truth
    # mean over draws of (estimate − mean over all)², seed by seed
    around = squared - 2 * bias.mean() * bias + bias.mean() ** 2
    degrees = len(bias) / max(1, len(bias) - 1)
    return {
        "bias": bias,
        "variance": around * degrees,
        "squared_error": squared,
        "negative_share": negative,
    }


def _exact(row: pd.Series) -> dict[str, float]:
    bias, variance = float(row["exact_bias"]), float(row["exact_variance"])
    return {
        "bias": bias,
        "variance": variance,
        "squared_error": variance + bias**2,
        "negative_share": float(row["exact_negative_share"]),
    }
