"""Tables that the page of this book shows and no file holds: the map, wide."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from irm_bench.config import Config
from irm_bench.presentation import numbers

QUANTITIES = {
    "distance": "distance to the invariant predictor",
    "worst_risk": "worst-case risk over the family",
    "shift_risk": "risk where the mechanism of the spurious features is another",
    "rank": "rank by worst-case risk",
}
REGIMES = {"limit": "limit", "sample": "sample"}
ROW_KEYS = {"map_methods": ("method",), "map_data": ("data",), "map_cells": ("data", "method")}


def build(tables: Mapping[str, Any], config: Config) -> dict[str, pd.DataFrame]:
    """Methods and data with their words, and a row a cell of the map."""
    if config.map is None:
        return {}
    methods, data = _methods(config), _data(config)
    cells = _cells(tables["map"])
    return {"map_methods": methods, "map_data": data, "map_cells": cells}


def _methods(config: Config) -> pd.DataFrame:
    rows = []
    for method in config.map.methods if config.map else ():
        plugin = method.plugin
        limit = ", ".join(f"{name} → {value:g}" for name, value in plugin.get("LIMIT", {}).items())
        params = plugin.get("PARAMS", {})
        defaults = ", ".join(f"{name} = {value:g}" for name, value in params.items())
        rows.append(
            {
                "method": method.name,
                "label": method.label,
                "reference": plugin.get("REFERENCE", ""),
                "assumption": plugin.get("ASSUMPTION", ""),
                "defaults": defaults,
                "limit": limit,
                "brought": int(plugin.path in config.book.brought),
            }
        )
    return pd.DataFrame(rows)


def _data(config: Config) -> pd.DataFrame:
    rows = []
    for study in config.studies:
        row = {"data": study.name, "description": study.description}
        row["graph"] = study.model.sem.get("GRAPH", "")
        row["environments"] = "; ".join(e.label for e in study.train_sets[0])
        row["family"] = "; ".join(e.label for e in study.test_environments)
        shift = config.map.shifts.get(study.name) if config.map else None
        row["shift"] = shift.label if shift else ""
        rows.append(row)
    return pd.DataFrame(rows)


def _cells(found: pd.DataFrame) -> pd.DataFrame:
    """A row a method and data set: every quantity of both regimes, the minima and the reason."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for cell in found.astype({"data": str, "method": str}).itertuples():
        row = rows.setdefault((cell.data, cell.method), {"data": cell.data, "method": cell.method})
        name = f"{cell.regime}_{cell.quantity}"
        row[name], row[f"{name}_low"], row[f"{name}_high"] = cell.value, cell.ci_low, cell.ci_high
        if cell.quantity == "distance":
            row[f"{cell.regime}_reason"] = cell.reason
            row[f"{cell.regime}_lost"] = cell.n_diverged
            if cell.regime == "limit":
                row["n_minima"] = cell.n_minima
    frame = pd.DataFrame(rows.values())
    for regime in REGIMES:
        for quantity in QUANTITIES:
            for end in ("", "_low", "_high"):
                name = f"{regime}_{quantity}{end}"
                if name not in frame:
                    frame[name] = float("nan")
    return frame


def shade(value: float, quantity: str) -> int:
    """How bad a value is, from 0 to 4; −1 for none."""
    if pd.isna(value):
        return -1
    bounds = {
        "distance": (0.01, 0.1, 0.5, 1.0),
        "rank": (3.0, 6.0, 9.0, 12.0),
        "worst_risk": (1.0, 3.0, 10.0, 30.0),
        "shift_risk": (1.0, 2.0, 5.0, 10.0),
    }[quantity]
    return sum(value > bound for bound in bounds)


def with_interval(row: Any, name: str) -> Markup:
    """A value with its interval, where it has one."""
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(value):
        return Markup("")
    if pd.isna(low) or pd.isna(high) or low == high:
        return Markup("{}").format(brief(value))
    shown, lower, upper = numbers.interval(value, low, high)
    return Markup('{} <span class="ci">[{}, {}]</span>').format(shown, lower, upper)


def brief(value: float) -> str:
    """A value in three digits; what rounds to nothing is 0."""
    return "0" if abs(value) < 5e-4 else numbers.significant(value, 3)


FILTERS = {"shade": shade, "with_interval": with_interval, "brief": brief}
