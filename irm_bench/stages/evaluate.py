"""Stage 3: every trained model in every environment of its studies, for the seeds of a shard."""

import itertools
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config
from irm_bench.planning import plan
from irm_bench.planning.columns import ORDER, phi_columns, setting
from irm_bench.planning.plan import Cell, Dataset
from irm_bench.planning.sampling import rows
from irm_bench.plugins import registry
from irm_bench.running import job
from irm_bench.storage import part_files
from irm_bench.storage.handover import MomentStore, TrainedStore, trained_cells
from irm_bench.theory.moments import Moments, risk

STAGE = "evaluate"

PARTS = ("models", "errors", "trajectories", "environments", "histograms")


def run(
    config: Config, shard: int, moments: Path | str, trained: Iterable[Path | str], output: Path
) -> None:
    """Write the shard's part of every table into the folder ``output``."""
    inputs = MomentStore(config, moments)
    models = TrainedStore(config, trained)
    makers = {
        "models": _models(config, models, inputs),
        "errors": _errors(config, models, inputs),
        "trajectories": _trajectories(config, models, inputs),
        "environments": _environments(config, inputs, shard),
        "histograms": _histograms(config, shard),
    }
    seeds = plan.shard_seeds(config, shard)
    for name, parts in makers.items():
        with job.about(f"table {name}, seeds {seeds[0]} to {seeds[-1]}"):
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


def part_paths(folder: Path | str) -> dict[str, Path]:
    return {name: Path(folder) / f"{name}.npz" for name in PARTS}


def _models(config: Config, models: TrainedStore, inputs: MomentStore) -> Iterator[dict[str, Any]]:
    for order, study, cell, mine in trained_cells(config, models):
        seeds = models.get(cell, "seeds")[mine]
        phi = models.get(cell, "phi")[-1][:, mine]
        yield {
            **setting(order, study, cell),
            "order_3": 0,
            "seed": seeds,
            "diverged_at": _or_nan(models.get(cell, "diverged_at")[mine]),
            **phi_columns(phi),
            "train_risk": _train_risk(cell, inputs, seeds, phi.T),
            "final_penalty": models.get(cell, "penalty")[-1][mine],
        }


def _or_nan(diverged_at: np.ndarray) -> np.ndarray:
    return np.where(diverged_at < 0, np.nan, diverged_at)


def _train_risk(cell: Cell, inputs: MomentStore, seeds: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Mean over training environments of the MSE on their rows; φ (…, seed, d)."""
    risks = [risk(phi, inputs.moments(dataset, seeds)) for dataset in cell.datasets()]
    return np.mean(risks, axis=0)


def _errors(config: Config, models: TrainedStore, inputs: MomentStore) -> Iterator[dict[str, Any]]:
    for order, study, cell, mine in trained_cells(config, models):
        seeds = models.get(cell, "seeds")[mine]
        phi = models.get(cell, "phi")[-1][:, mine].T
        for k, dataset in enumerate((*cell.datasets(), *plan.test_datasets(study))):
            yield {
                **setting(order, study, cell),
                "order_3": k,
                "seed": seeds,
                **_where(dataset),
                "mse": risk(phi, inputs.moments(dataset, seeds)),
                "risk": risk(phi, _population(dataset)),
                "optimum": _optimum(dataset),
            }


def _where(dataset: Dataset) -> dict[str, Any]:
    return {
        "split": dataset.split,
        "environment": dataset.environment.label,
        **dataset.environment.mapping,
    }


@cache
def _population(dataset: Dataset) -> Moments:
    return plan.population(dataset.sem, dataset.dim, [dataset.environment]).at(0)


def _optimum(dataset: Dataset) -> float:
    return registry.load("sems", dataset.sem).noise_floor(dataset.dim, dataset.environment.mapping)


def _trajectories(
    config: Config, models: TrainedStore, inputs: MomentStore
) -> Iterator[dict[str, Any]]:
    for order, study, cell, mine in trained_cells(config, models):
        if not study.trajectories or not cell.steps:
            continue
        steps = models.get(cell, "steps")[:, mine]
        seeds = models.get(cell, "seeds")[mine]
        phi = models.get(cell, "phi")[..., mine]
        yield {
            **setting(order, study, cell),
            "order_3": steps.ravel(),
            "seed": np.tile(seeds, len(steps)),
            "step": steps.ravel(),
            **phi_columns(phi.transpose(1, 0, 2)),
            "train_risk": _train_risk(cell, inputs, seeds, phi.transpose(0, 2, 1)).ravel(),
            "penalty_estimate": models.get(cell, "penalty")[:, mine].ravel(),
        }


def _environments(config: Config, inputs: MomentStore, shard: int) -> Iterator[dict[str, Any]]:
    mine = plan.shard_seeds(config, shard)
    for i, (dataset, use) in enumerate(plan.datasets(config).items()):
        seeds = np.array(sorted(use.seeds & set(mine)), dtype=np.int64)
        if not len(seeds):
            continue
        moments = inputs.moments(dataset, seeds)
        causal = registry.load("sems", dataset.sem).causal_solution(dataset.dim)
        yield {
            **dict.fromkeys(ORDER, 0),
            "order_1": i,
            "sem": dataset.sem,
            "dim": dataset.dim,
            "n_samples": dataset.n_samples,
            "sampling": dataset.sampling,
            **_where(dataset),
            "seed": seeds,
            **{f"corr_{j + 1}": column for j, column in enumerate(correlations(moments).T)},
            "noise_variance": _residual_variance(causal, moments, dataset.n_samples),
            "oracle_mse": risk(causal, moments),
            "optimum": _optimum(dataset),
        }


def correlations(moments: Moments) -> np.ndarray:
    """Pearson correlation of every feature with the target (…, d)."""
    means, target_mean = moments.mean[..., :-1], moments.mean[..., -1:]
    variance = np.einsum("...ii->...i", moments.gram) - means**2
    target_variance = moments.target[..., None] - target_mean**2
    covariance = moments.cross - means * target_mean
    return covariance / np.sqrt(variance * target_variance)


def _residual_variance(phi: np.ndarray, moments: Moments, n_samples: int) -> np.ndarray:
    """Sample variance of y − φᵀx, ddof = 1."""
    mean = moments.mean[..., -1] - moments.mean[..., :-1] @ phi
    return (risk(phi, moments) - mean**2) * n_samples / (n_samples - 1)


def _histograms(config: Config, shard: int) -> Iterator[dict[str, Any]]:
    """Counts for the first seed of the first study, training and test environments.

    A study that draws moments has no rows: the first chunk of them shows their law.
    """
    study = config.studies[0]
    seed = study.seeds[0]
    if seed not in plan.shard_seeds(config, shard):
        return
    first_cell = next(plan.cells_of(study))
    for i, dataset in enumerate((*first_cell.datasets(), *plan.test_datasets(study))):
        yield from _histogram(config, dataset, seed, i)


def _histogram(config: Config, dataset: Dataset, seed: int, order: int) -> Iterator[dict[str, Any]]:
    # The notebook's axes: 50 bins, values within ±6.
    edges = np.linspace(-6, 6, 51)
    names = [*registry.load("sems", dataset.sem).feature_names(dataset.dim), "y"]
    counts = np.zeros((len(names), 50), dtype=np.int64)
    n_chunks = 1 if dataset.sampling == "moments" else None
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
