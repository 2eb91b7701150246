"""What training left, for the stages that read it: without torch, which takes a second to load."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from irm_bench import plan, store
from irm_bench.config import Config
from irm_bench.plan import Cell

STAGE = "train"


class TrainedStore:
    """The paths that ``train.run`` wrote for all groups of a shard, by cell."""

    def __init__(self, config: Config, paths: Iterable[Path | str]):
        self._arrays: dict[str, np.ndarray] = {}
        for path in paths:
            self._arrays |= store.read_arrays(path, STAGE, config.stage_hash)
        self._index = {cell: i for i, cell in enumerate(plan.cells(config))}

    def has(self, cell: Cell) -> bool:
        return f"{self._index[cell]}/seeds" in self._arrays

    def get(self, cell: Cell, name: str) -> np.ndarray:
        """``seeds`` (run,), ``steps`` and ``penalty`` (K, run), ``phi`` (K, d, run), …"""
        return self._arrays[f"{self._index[cell]}/{name}"]
