"""Stage 1: draw the rows of every dataset and keep their moments, or draw the moments alone."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from irm_bench import job, plan, registry, store
from irm_bench.config import Config
from irm_bench.moments import Accumulator, Moments, stack
from irm_bench.plan import Dataset
from irm_bench.progress import watch
from irm_bench.seeds import generator

STAGE = "simulate"
# Rows drawn at once; part of what defines the rows, since it is the order of the draws.
CHUNK_ROWS = 65_536


def rows(dataset: Dataset, root_seed: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of a dataset in chunks: features (rows, d) and target (rows,).

    They are drawn whatever the dataset's ``sampling`` says.
    """
    sem = registry.load("sems", dataset.sem)
    rng = generator(root_seed, role="rows", seed=seed, **dataset.axes)
    for first in range(0, dataset.n_samples, CHUNK_ROWS):
        n_rows = min(CHUNK_ROWS, dataset.n_samples - first)
        yield sem.sample(rng, n_rows, dataset.dim, dataset.environment.mapping)


def summarise(
    dataset: Dataset, root_seed: int, seed: int, with_covariance: bool
) -> tuple[Moments, np.ndarray | None]:
    """Moments of a dataset's rows, and the covariance of their products if asked for."""
    sem = registry.load("sems", dataset.sem)
    accumulator = Accumulator(sem.n_features(dataset.dim), with_covariance)
    for x, y in rows(dataset, root_seed, seed):
        accumulator.add(x, y)
    return accumulator.moments(), accumulator.covariance() if with_covariance else None


def draw_moments(dataset: Dataset, root_seed: int, seeds: Iterable[int]) -> Moments:
    """Moments (seed, …) drawn from their law, without rows."""
    sem = registry.load("sems", dataset.sem)
    rngs = (generator(root_seed, role="moments", seed=s, **dataset.axes) for s in seeds)
    return sem.sample_moments(rngs, dataset.n_samples, dataset.dim, dataset.environment.mapping)


def run(config: Config, shard: int, output: Path | str) -> None:
    """Write the moments of every dataset for the seeds of a shard."""
    mine = set(plan.shard_seeds(config, shard))
    arrays: dict[str, np.ndarray] = {}
    items = list(enumerate(plan.datasets(config).items()))
    for index, (dataset, use) in watch(items, f"simulate {shard}", "dataset"):
        seeds = sorted(use.seeds & mine)
        if seeds:
            arrays |= _arrays(config.root_seed, index, dataset, seeds, use.wanted)
    store.write_arrays(output, STAGE, config.stage_hash, arrays)


def _arrays(
    root_seed: int, index: int, dataset: Dataset, seeds: list[int], with_covariance: bool
) -> dict[str, np.ndarray]:
    covariances: list[np.ndarray] = []
    if dataset.sampling == "moments":
        moments = draw_moments(dataset, root_seed, seeds)
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
    with job.about(f"{dataset.sem}, {where}, n = {dataset.n_samples}, seed {seed}"):
        return summarise(dataset, root_seed, seed, with_covariance)


class MomentStore:
    """The moments that ``run`` wrote, by dataset and seed."""

    def __init__(self, config: Config, path: Path | str):
        self._arrays = store.read_arrays(path, STAGE, config.stage_hash)
        self._index = {dataset: i for i, dataset in enumerate(plan.datasets(config))}

    def moments(self, dataset: Dataset, seeds: np.ndarray) -> Moments:
        """Moments of the seeds, stacked (seed, …)."""
        return Moments(*(self.take(dataset, seeds, k) for k in ("gram", "cross", "target", "mean")))

    def take(self, dataset: Dataset, seeds: np.ndarray, name: str) -> np.ndarray:
        """One array of a dataset (seed, …)."""
        index = self._index[dataset]
        positions = np.searchsorted(self._arrays[f"{index}/seeds"], seeds)
        return self._arrays[f"{index}/{name}"][positions]

    def gather(self, pairs: list[tuple[Dataset, int]], name: str) -> np.ndarray:
        """One array for many (dataset, seed) pairs (pair, …)."""
        stretches = groupby(pairs, key=lambda pair: pair[0])
        parts = [self.take(d, np.array([seed for _, seed in of_d]), name) for d, of_d in stretches]
        return np.concatenate(parts)
