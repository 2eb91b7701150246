"""Stage 4: every trained model in every environment of its studies, for the seeds of a shard."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Study
from irm_bench.config.layout import Layout, layout_of
from irm_bench.errors import about
from irm_bench.planning import exact, plan
from irm_bench.planning.candidates import choices
from irm_bench.planning.columns import ORDER, phi_columns, place, setting, structure
from irm_bench.planning.plan import Cell, Dataset
from irm_bench.planning.sampling import rows
from irm_bench.plugins.model import Mechanism, Model
from irm_bench.stages.measures import Measures, mean_of
from irm_bench.stages.select import Chosen
from irm_bench.storage import part_files
from irm_bench.storage.contracts.evaluated import against_truth
from irm_bench.storage.handover import MomentStore, TrainedStore, trained_cells
from irm_bench.theory import small
from irm_bench.theory.moments import Moments, risk

STAGE = "evaluate"


@dataclass(frozen=True)
class Shard:
    """What an evaluation looks at."""

    config: Config
    number: int
    inputs: MomentStore
    models: TrainedStore
    chosen: Chosen | None

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.config)

    @cached_property
    def measures(self) -> Measures:
        return Measures(self.config, self.inputs)


@dataclass(frozen=True)
class Evaluated:
    """Trained models of one cell, or those that a rule chose: what tells them, and their runs."""

    columns: dict[str, Any]
    study: Study
    cell: Cell
    seeds: np.ndarray
    phi: np.ndarray  # (seed, d)
    runs: dict[str, np.ndarray]  # diverged_at, penalty and extras, (seed,) each


def run(
    config: Config,
    shard: int,
    moments: Path | str,
    trained: Iterable[Path | str],
    output: Path,
    chosen: Path | str | None = None,
) -> None:
    """Write the shard's part of every table into the folder ``output``.

    ``chosen`` is what the stage ``select`` wrote, for a config that selects.
    """
    choice = Chosen(config, chosen) if chosen else None
    whole = Shard(
        config, shard, MomentStore(config, moments), TrainedStore(config, trained), choice
    )
    makers = {
        "models": _models(whole),
        "errors": _errors(whole),
        "trajectories": _trajectories(whole),
        "environments": _environments(whole),
        "histograms": _histograms(config, shard),
    }
    seeds = plan.shard_seeds(config, shard)
    for name, parts in makers.items():
        with about(f"table {name}, seeds {seeds[0]} to {seeds[-1]}"):
            frame = _table(list(parts))
        part_files.write(output / f"{name}.npz", STAGE, config.stage_hash, frame)


def _table(parts: list[dict[str, Any]]) -> pd.DataFrame:
    """Parts of a table, one below the other: columns, or values that all rows of a part share.

    A column that a part does not have is NaN there. One frame for all: thousands cost a second.
    """
    sizes = [max(map(np.size, part.values())) for part in parts]
    return pd.DataFrame(
        {
            name: np.concatenate(
                [
                    np.broadcast_to(part.get(name, np.nan), size)
                    for part, size in zip(parts, sizes, strict=True)
                ]
            )
            for name in dict.fromkeys(itertools.chain(*parts))
        }
    )


def _evaluated(shard: Shard) -> Iterator[Evaluated]:
    """The models of every cell, then those that rules chose."""
    models = shard.models
    for order, study, cell, mine in trained_cells(shard.config, models):
        seeds = models.get(cell, "seeds")[mine]
        runs = _runs(models, cell, mine)
        columns = setting(shard.layout, order, study, cell)
        phi = models.get(cell, "phi")[-1][:, mine].T
        yield Evaluated(columns, study, cell, seeds, phi, runs)
    if shard.chosen is not None:
        yield from _selected(shard, shard.chosen)


def _selected(shard: Shard, chosen: Chosen) -> Iterator[Evaluated]:
    """The models that rules chose, a run from the candidate that its seed takes."""
    mine = set(plan.shard_seeds(shard.config, shard.number))
    for choice in choices(shard.config):
        study, cells = choice.candidates.study, choice.candidates.cells
        seeds = np.array(sorted(mine & set(study.seeds)), dtype=np.int64)
        if not len(seeds):
            continue
        phi = np.empty((len(seeds), cells[0].model.n_features))
        rows: list[dict[str, float]] = []
        for i, number in enumerate(chosen.cells(choice, seeds)):
            cell = cells[number]
            run = np.searchsorted(shard.models.get(cell, "seeds"), seeds[i : i + 1])
            phi[i] = shard.models.get(cell, "phi")[-1][:, run[0]]
            of_run = _runs(shard.models, cell, run)
            rows.append({name: values[0] for name, values in of_run.items()})
        runs = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        columns = setting(shard.layout, choice.order, study, cells[0], choice.selection.name)
        yield Evaluated(columns, study, cells[0], seeds, phi, runs)


def _runs(models: TrainedStore, cell: Cell, places: np.ndarray) -> dict[str, np.ndarray]:
    """What is kept of some runs of a cell beside φ: (run,) each."""
    columns = {
        "diverged_at": _or_nan(models.get(cell, "diverged_at")[places]),
        "final_penalty": models.get(cell, "penalty")[-1][places],
    }
    for name, values in models.extras(cell).items():
        columns[name] = values[places]
    return columns


def _models(shard: Shard) -> Iterator[dict[str, Any]]:
    for one in _evaluated(shard):
        yield {
            **one.columns,
            "order_3": 0,
            "seed": one.seeds,
            "diverged_at": one.runs["diverged_at"],
            **phi_columns(one.phi.T),
            "train_risk": _train_risk(shard, one.cell, one.seeds, one.phi),
            **{name: values for name, values in one.runs.items() if name != "diverged_at"},
            **dict.fromkeys((name for name, *_ in against_truth(shard.layout)), np.nan),
            **_off_truth(shard.config.root_seed, one),
        }


def _off_truth(root_seed: int, one: Evaluated) -> dict[str, np.ndarray]:
    """How far the weights of the SEM's own variables are from the oracle's: (seed,) each.

    Causes are the variables that the oracle gives a weight; over none the mean is NaN. A method
    that chooses features is held against the oracle's choice of features.
    """
    model = one.cell.model
    if not model.has("causal_solution"):
        return {}
    off = np.full((len(one.seeds), 4), np.nan)
    groups = [slice(None)] if model.is_fixed else [slice(i, i + 1) for i in range(len(one.seeds))]
    for group in groups:
        mechanism = model.mechanism(root_seed, int(one.seeds[group][0]))
        off[group] = _off_weights(model, one.phi[group], mechanism)
    names = ["causal_error", "noncausal_error"]
    if one.cell.method.get("SELECTS", False):
        names += ["false_causes", "missed_causes"]
    return dict(zip(names, off.T, strict=False))


def _off_weights(model: Model, phi: np.ndarray, mechanism: Mechanism) -> np.ndarray:
    """Of φ (seed, d): error over causes, over others, false causes and missed ones (seed, 4)."""
    truth, oracle = model.causal_weights(mechanism), model.causal(mechanism)
    assert truth is not None
    assert oracle is not None
    off = (model.weights(phi, mechanism) - truth) ** 2
    off_and_counts = np.full((len(phi), 4), np.nan)
    for k, variables in enumerate((truth != 0, truth == 0)):
        if variables.any():
            off_and_counts[:, k] = mean_of(list(off[:, variables].T))
    taken, causes = phi != 0, oracle != 0
    off_and_counts[:, 2] = (taken & ~causes).sum(axis=1)
    off_and_counts[:, 3] = (causes & ~taken).sum(axis=1)
    off_and_counts[~np.isfinite(phi).all(axis=1)] = np.nan
    return off_and_counts


def _or_nan(diverged_at: np.ndarray) -> np.ndarray:
    return np.where(diverged_at < 0, np.nan, diverged_at)


def _train_risk(shard: Shard, cell: Cell, seeds: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Mean over training environments of the loss on their rows; φ (…, seed, d)."""
    risks = [shard.measures.loss(cell.loss, phi, dataset, seeds) for dataset in cell.datasets()]
    return mean_of(risks)


def _errors(shard: Shard) -> Iterator[dict[str, Any]]:
    for one in _evaluated(shard):
        datasets = (*one.cell.datasets(), *plan.test_datasets(one.study, one.cell.model))
        for k, dataset in enumerate(datasets):
            yield {
                **one.columns,
                "order_3": k,
                "seed": one.seeds,
                **place(shard.layout, dataset.split, dataset.environment),
                **shard.measures.metrics(one.cell.loss, one.phi, dataset, one.seeds),
                **_exact(shard.config.root_seed, one, dataset),
            }


def _exact(root_seed: int, one: Evaluated, dataset: Dataset) -> dict[str, Any]:
    """Exact risk and noise floor, where the SEM and the loss allow it."""
    if one.cell.loss.get("NEEDS") != "moments":
        return {"risk": np.nan, "optimum": np.nan}
    population = _population(dataset) if dataset.model.is_fixed else None
    if population is None:
        population = exact.of_seeds(dataset.model, dataset.environment, root_seed, one.seeds)
    return {
        "risk": np.nan if population is None else risk(one.phi, population),
        "optimum": exact.floor_of_seeds(dataset, root_seed, one.seeds),
    }


@cache
def _population(dataset: Dataset) -> Moments | None:
    return exact.of_seeds(dataset.model, dataset.environment, 0, np.array([], dtype=np.int64))


def _trajectories(shard: Shard) -> Iterator[dict[str, Any]]:
    models = shard.models
    for order, study, cell, mine in trained_cells(shard.config, models):
        if not study.trajectories or not cell.steps:
            continue
        steps = models.get(cell, "steps")[:, mine]
        seeds = models.get(cell, "seeds")[mine]
        phi = models.get(cell, "phi")[..., mine]
        yield {
            **setting(shard.layout, order, study, cell),
            "order_3": steps.ravel(),
            "seed": np.tile(seeds, len(steps)),
            "step": steps.ravel(),
            **phi_columns(phi.transpose(1, 0, 2)),
            "train_risk": _train_risk(shard, cell, seeds, phi.transpose(0, 2, 1)).ravel(),
            "penalty_estimate": models.get(cell, "penalty")[:, mine].ravel(),
        }


def _environments(shard: Shard) -> Iterator[dict[str, Any]]:
    config, layout = shard.config, shard.layout
    mine = plan.shard_seeds(config, shard.number)
    for i, (dataset, use) in enumerate(plan.datasets(config).items()):
        seeds = np.array(sorted(use.seeds & set(mine)), dtype=np.int64)
        if not len(seeds):
            continue
        moments = shard.inputs.moments(dataset, seeds)
        yield {
            **dict.fromkeys(ORDER, 0),
            "order_1": i,
            **structure(layout, dataset.model),
            "n_samples": dataset.n_samples,
            "sampling": dataset.sampling,
            **place(layout, dataset.split, dataset.environment),
            "seed": seeds,
            **{f"corr_{j + 1}": column for j, column in enumerate(correlations(moments).T)},
            **_oracle_columns(config.root_seed, dataset, moments, seeds),
        }


def _oracle_columns(
    root_seed: int, dataset: Dataset, moments: Moments, seeds: np.ndarray
) -> dict[str, Any]:
    """The oracle on the rows themselves, and its exact risk; NaN where the SEM does not know it."""
    causal = exact.causal_of_seeds(dataset.model, root_seed, seeds)
    if causal is None:
        return dict.fromkeys(("noise_variance", "oracle_mse", "optimum"), np.nan)
    return {
        "noise_variance": _residual_variance(causal, moments, dataset.n_samples),
        "oracle_mse": risk(causal, moments),
        "optimum": exact.floor_of_seeds(dataset, root_seed, seeds),
    }


def correlations(moments: Moments) -> np.ndarray:
    """Pearson correlation of every feature with the target (…, d); NaN for a constant."""
    means, target_mean = moments.mean[..., :-1], moments.mean[..., -1:]
    variance = np.einsum("...ii->...i", moments.gram) - means**2
    target_variance = moments.target[..., None] - target_mean**2
    covariance = moments.cross - means * target_mean
    scale = variance * target_variance
    return covariance / np.sqrt(np.where(scale > 0, scale, np.nan))


def _residual_variance(phi: np.ndarray, moments: Moments, n_samples: int) -> np.ndarray:
    """Sample variance of y − φᵀx, ddof = 1."""
    fitted = small.dot(moments.mean[..., :-1], phi)
    mean = moments.mean[..., -1] - fitted
    return (risk(phi, moments) - mean**2) * n_samples / (n_samples - 1)


def _histograms(config: Config, shard: int) -> Iterator[dict[str, Any]]:
    """Counts for the first seed of the first study, training and test environments.

    A study without rows has none to count: the first chunk of them shows their law.
    """
    study = config.studies[0]
    seed = study.seeds[0]
    if seed not in plan.shard_seeds(config, shard):
        return
    first_cell = next(plan.cells_of(study))
    for i, dataset in enumerate(
        (*first_cell.datasets(), *plan.test_datasets(study, first_cell.model))
    ):
        yield from _histogram(config, dataset, seed, i)


def _histogram(config: Config, dataset: Dataset, seed: int, order: int) -> Iterator[dict[str, Any]]:
    # 50 bins, values within ±6.
    edges = np.linspace(-6, 6, 51)
    names = [*dataset.model.feature_names, "y"]
    counts = np.zeros((len(names), 50), dtype=np.int64)
    n_chunks = None if dataset.sampling == "rows" else 1
    for x, y in itertools.islice(rows(dataset, config.root_seed, seed), n_chunks):
        counts += [np.histogram(values, edges)[0] for values in (*x.T, y)]
    for j, name in enumerate(names):
        yield {
            "order_1": order,
            "order_2": j,
            "order_3": np.arange(50),
            "split": dataset.split,
            "environment": dataset.environment.label,
            "seed": seed,
            "variable": name,
            "bin_left": edges[:-1],
            "bin_right": edges[1:],
            "count": counts[j],
        }
