"""The columns of a table that say what was trained, and in which environment it was looked at."""

from typing import Any

import numpy as np

from irm_bench.config import Environment, Study
from irm_bench.config.layout import Kinds, Layout
from irm_bench.planning.plan import Cell, setting_names
from irm_bench.plugins.model import Model

# The position of a row in the whole table, whatever shard it was computed in.
ORDER = ("order_1", "order_2", "order_3")


def setting(
    layout: Layout, order: tuple[int, int], study: Study, cell: Cell, selection: str = ""
) -> dict[str, Any]:
    """The columns that say what was trained; of a choice among cells, those that all share."""
    named = setting_names(cell)
    columns: dict[str, Any] = {"order_1": order[0], "order_2": order[1], "study": study.name}
    columns |= structure(layout, cell.model)
    columns["n_samples"] = cell.n_samples
    columns[layout.train_column] = cell.train_label
    if layout.counts_environments:
        columns["n_environments"] = len(cell.train)
    columns |= {"method": cell.key.method, "penalty": cell.key.penalty}
    for name, kind in (*layout.params, *layout.factors):
        columns[name] = _value(named.get(name), kind)
    columns["learning_rate"] = _value(cell.learning_rate, "number")
    columns["steps"] = cell.steps
    if layout.has_selection:
        columns["selection"] = selection
    if selection:
        for name, kind in _tuned(layout):
            columns[name] = _value(None, kind)
    return columns


def _tuned(layout: Layout) -> Kinds:
    """The columns that differ among the cells a selection chooses from: all but where they start
    and what they minimise, which choices are made within."""
    factors = [(name, kind) for name, kind in layout.factors if name not in ("loss", "start")]
    return (*layout.params, *factors, ("learning_rate", "number"))


def structure(layout: Layout, model: Model) -> dict[str, Any]:
    """The columns of a SEM at one structure."""
    found: dict[str, Any] = {"sem": model.sem.name}
    for name, kind in layout.options:
        found[name] = _value(model.option.get(name), kind)
    return found


def place(layout: Layout, split: str, environment: Environment) -> dict[str, Any]:
    """The columns of an environment."""
    found: dict[str, Any] = {"split": split, "environment": environment.label}
    for name, kind in layout.parameters:
        found[name] = _value(environment.mapping.get(name), kind)
    return found


def _value(value: Any, kind: str) -> Any:
    """A value, or what stands for none in a column of its kind."""
    if value is None:
        return "" if kind == "text" else np.nan
    return int(value) if isinstance(value, bool) else value


def phi_columns(phi: np.ndarray) -> dict[str, np.ndarray]:
    """φ (d, …) as flat columns phi_1 … phi_d."""
    return {f"phi_{i + 1}": values.ravel() for i, values in enumerate(phi)}
