"""The columns of a table that say what was trained."""

from typing import Any

import numpy as np

from irm_bench.config import Study
from irm_bench.planning.plan import Cell

# The position of a row in the whole table, whatever shard it was computed in.
ORDER = ("order_1", "order_2", "order_3")


def setting(order: tuple[int, int], study: Study, cell: Cell) -> dict[str, Any]:
    """The columns of a table that say what was trained."""
    return {
        "order_1": order[0],
        "order_2": order[1],
        "study": study.name,
        "sem": cell.sem,
        "dim": cell.dim,
        "n_samples": cell.n_samples,
        "train_sigmas": cell.train_sigmas,
        "method": cell.method,
        "penalty": cell.penalty,
        "error_weight": np.nan if cell.error_weight is None else cell.error_weight,
        "learning_rate": np.nan if cell.learning_rate is None else cell.learning_rate,
        "steps": cell.steps,
    }


def phi_columns(phi: np.ndarray) -> dict[str, np.ndarray]:
    """φ (d, …) as flat columns phi_1 … phi_d."""
    return {f"phi_{i + 1}": values.ravel() for i, values in enumerate(phi)}
