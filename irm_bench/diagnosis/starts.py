"""Where the descent of IRM's objective ends from random starts, with and without the error term.

With the exact moments of the first IRM study's first training set, so that nothing but the start
varies. The replicate is the start: standard normal weights, one draw a seed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from irm_bench import theory
from irm_bench.config import Config, Study
from irm_bench.planning import plan
from irm_bench.planning.columns import phi_columns
from irm_bench.planning.plan import Cell
from irm_bench.plugins import registry
from irm_bench.statistics.streams import generator


def frames(config: Config, shard: int) -> Iterator[dict[str, Any]]:
    """The shard's part of the table ``starts``."""
    found = _setting(config)
    if found is None:
        return
    study, cell = found
    seeds = np.array([s for s in plan.shard_seeds(config, shard) if s in study.seeds], dtype=int)
    if not len(seeds):
        return
    moments = plan.population(cell.sem, cell.dim, cell.train)
    start = _starts(config.root_seed, cell, seeds)
    for i, weight in enumerate((0.0, cell.error_weight or 0.0)):
        end = theory.flow_minimum(moments, weight, start)
        yield {
            "order_1": i,
            "order_2": 0,
            "order_3": 0,
            "study": study.name,
            "sem": cell.sem,
            "dim": cell.dim,
            "train_sigmas": cell.train_sigmas,
            "error_weight": weight,
            "seed": seeds,
            **{f"start_{j + 1}": column for j, column in enumerate(start.T)},
            **phi_columns(end.phi.T),
            "penalty_value": theory.penalty(end.phi, moments),
            "converged": end.converged.astype(int),
        }


def _setting(config: Config) -> tuple[Study, Cell] | None:
    """The first study and cell that trains on a penalty with some weight on the error."""
    for study in config.studies:
        for cell in plan.cells_of(study):
            if cell.penalty and cell.error_weight:
                return study, cell
    return None


def _starts(root_seed: int, cell: Cell, seeds: np.ndarray) -> np.ndarray:
    """Random φ (seed, d)."""
    d = registry.load("sems", cell.sem).n_features(cell.dim)
    draws = [
        generator(root_seed, role="start", sem=cell.sem, dim=cell.dim, seed=int(seed))
        for seed in seeds
    ]
    return np.stack([rng.standard_normal(d) for rng in draws])
