"""Where the descent of IRM's objective ends from random starts, with and without the error term.

With the exact moments of the first IRM study's first training set, so that nothing but the start
varies. The replicate is the start: standard normal weights, one draw a seed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from irm_bench import theory
from irm_bench.config import Config, Study
from irm_bench.config.layout import layout_of
from irm_bench.planning import plan
from irm_bench.planning.columns import phi_columns, structure
from irm_bench.planning.plan import Cell
from irm_bench.planning.starts import random_start


def frames(config: Config, shard: int) -> Iterator[dict[str, Any]]:
    """The shard's part of the table ``starts``."""
    found = _setting(config)
    if found is None:
        return
    study, cell = found
    layout = layout_of(config)
    seeds = np.array([s for s in plan.shard_seeds(config, shard) if s in study.seeds], dtype=int)
    if not len(seeds):
        return
    moments = plan.population(cell.model, cell.train)
    start = np.stack([random_start(config.root_seed, cell, int(seed)) for seed in seeds])
    weights = (0.0, cell.error_weight or 0.0)
    # in one batch, for a step costs the same calls for all
    ends = theory.flow_minimum(moments, np.array(weights)[:, None], start)
    for i, (weight, phi) in enumerate(zip(weights, ends.phi, strict=True)):
        yield {
            "order_1": i,
            "order_2": 0,
            "order_3": 0,
            "study": study.name,
            **structure(layout, cell.model),
            layout.train_column: cell.train_label,
            "error_weight": weight,
            "seed": seeds,
            **{f"start_{j + 1}": column for j, column in enumerate(start.T)},
            **phi_columns(phi.T),
            "penalty_value": theory.penalty(phi, moments),
            "converged": ends.converged[i].astype(int),
        }


def _setting(config: Config) -> tuple[Study, Cell] | None:
    """The first study and cell that trains on a penalty with some weight on the error."""
    for study in config.studies:
        for cell in plan.cells_of(study):
            is_known = cell.model.is_fixed and cell.model.has("population")
            if is_known and cell.method.get("COUNTERPART") == "penalty" and cell.error_weight:
                return study, cell
    return None
