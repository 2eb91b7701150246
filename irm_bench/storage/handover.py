"""What simulation and training hand over to later stages, looked up by dataset and cell.

Without torch, which takes a second to load.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from irm_bench.config import Config, Study
from irm_bench.config.model import CHOSEN
from irm_bench.planning import plan
from irm_bench.planning.plan import Cell, Dataset
from irm_bench.storage import archives
from irm_bench.theory.moments import Moments

SIMULATED = "simulate"
TRAINED = "train"


class MomentStore:
    """The moments that ``run`` wrote, by dataset and seed."""

    def __init__(self, config: Config, path: Path | str):
        self._arrays = archives.read_arrays(path, SIMULATED, config.stage_hash)
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


class TrainedStore:
    """The paths that ``train.run`` wrote for all groups of a shard, by cell."""

    def __init__(self, config: Config, paths: Iterable[Path | str]):
        self._arrays: dict[str, np.ndarray] = {}
        for path in paths:
            self._arrays |= archives.read_arrays(path, TRAINED, config.stage_hash)
        self._index = {cell: i for i, cell in enumerate(plan.cells(config))}

    def has(self, cell: Cell) -> bool:
        return f"{self._index[cell]}/seeds" in self._arrays

    def get(self, cell: Cell, name: str) -> np.ndarray:
        """``seeds`` (run,), ``steps`` and ``penalty`` (K, run), ``phi`` (K, d, run), …"""
        return self._arrays[f"{self._index[cell]}/{name}"]

    def phi(self, cell: Cell, seeds: np.ndarray) -> np.ndarray:
        """φ (seed, d) of a cell as trained, of some of its seeds."""
        known = self.get(cell, "seeds")
        return self.get(cell, "phi")[-1][:, np.searchsorted(known, seeds)].T

    def extras(self, cell: Cell) -> dict[str, np.ndarray]:
        """What the method reports of each run beside φ, by name: (run,)."""
        prefix = f"{self._index[cell]}/extras/"
        found = {}
        for key, array in self._arrays.items():
            if key.startswith(prefix):
                found[key.removeprefix(prefix)] = array
        return found


def trained_cells(config: Config, models: TrainedStore) -> Iterator[tuple[Any, Study, Cell, Any]]:
    """(order, study, cell, positions of the study's seeds among the cell's).

    A study that keeps nothing but what its rules choose has none.
    """
    for i, study in enumerate(config.studies):
        if study.keep == CHOSEN:
            continue
        for j, cell in enumerate(plan.cells_of(study)):
            if models.has(cell):
                mine = np.isin(models.get(cell, "seeds"), study.seeds)
                if mine.any():
                    yield (i, j), study, cell, np.flatnonzero(mine)
