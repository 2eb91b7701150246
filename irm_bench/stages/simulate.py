"""Stage 1: the moments of every dataset: of rows that are drawn, drawn by their law, or exact."""

from pathlib import Path

import numpy as np

from irm_bench.config import Config
from irm_bench.errors import about
from irm_bench.planning import plan
from irm_bench.planning.plan import Dataset
from irm_bench.planning.sampling import (
    draw_moments,
    exact_moments,
    population_covariance,
    summarise,
)
from irm_bench.running.progress import watch
from irm_bench.storage import archives
from irm_bench.storage.handover import SIMULATED
from irm_bench.theory.moments import Moments, stack


def run(config: Config, shard: int, output: Path | str) -> None:
    """Write the moments of every dataset for the seeds of a shard."""
    mine = set(plan.shard_seeds(config, shard))
    arrays: dict[str, np.ndarray] = {}
    items = list(enumerate(plan.datasets(config).items()))
    for index, (dataset, use) in watch(items, f"simulate {shard}", "dataset"):
        seeds = sorted(use.seeds & mine)
        if seeds:
            arrays |= _arrays(config.root_seed, index, dataset, seeds, use.wanted)
    archives.write_arrays(output, SIMULATED, config.stage_hash, arrays)


def _arrays(
    root_seed: int, index: int, dataset: Dataset, seeds: list[int], with_covariance: bool
) -> dict[str, np.ndarray]:
    covariances: list[np.ndarray] = []
    if dataset.sampling == "moments":
        moments = draw_moments(dataset, root_seed, seeds)
        if with_covariance:
            covariances = [population_covariance(dataset)] * len(seeds)
    elif dataset.sampling == "population":
        moments = exact_moments(dataset, root_seed, seeds)
    else:
        results = [_summary(dataset, root_seed, seed, with_covariance) for seed in seeds]
        moments = stack([moments for moments, _ in results])
        covariances = [covariance for _, covariance in results if covariance is not None]
    arrays = {
        "seeds": np.array(seeds),
        "gram": moments.gram,
        "cross": moments.cross,
        "target": moments.target,
        "mean": moments.mean,
    }
    if covariances:
        arrays["product_variance"] = np.stack(covariances) / dataset.n_samples
    return {f"{index}/{name}": array for name, array in arrays.items()}


def _summary(
    dataset: Dataset, root_seed: int, seed: int, with_covariance: bool
) -> tuple[Moments, np.ndarray | None]:
    where = f"{dataset.split} environment {dataset.environment.label}"
    with about(f"{dataset.model.sem}, {where}, n = {dataset.n_samples}, seed {seed}"):
        return summarise(dataset, root_seed, seed, with_covariance)
