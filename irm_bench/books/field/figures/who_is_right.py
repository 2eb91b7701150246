"""Which method tends to the invariant predictor on which data: a cell for each pair of them."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from irm_bench.books.field.settings import NEAR
from irm_bench.config import Config
from irm_bench.presentation.axes import cell
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks
from irm_bench.stages.locate import DISTANCE, LIMIT

TITLE = "Where each method tends to: its distance from the invariant predictor"
SECTION = "map"
TABLES = ("map",)
ROW_KEYS = ("data", "method")
SIZE = (7.6, 5.4)
RIGHT, RIGHT_OPACITY = "#0072b2", 0.4
# From which distance on a cell is tinted how far.
TINTS = ((NEAR, 0.08), (0.1, 0.16), (0.5, 0.26))


def data(tables: dict[str, Any], config: Config) -> pd.DataFrame:
    """Distance of every limit, method by method, those that are right most often first."""
    if config.map is None:
        return pd.DataFrame()
    cells = tables["map"].astype({"data": str, "method": str, "reason": str})
    chosen = (cells["quantity"] == DISTANCE) & (cells["regime"] == LIMIT)
    limits = cells.loc[chosen, ["data", "method", "value", "reason"]].reset_index(drop=True)
    methods = {method.name: method for method in config.map.methods}
    limits["label"] = [methods[name].label for name in limits["method"]]
    limits["is_control"] = [
        int(methods[name].plugin.get("IS_CONTROL", False)) for name in limits["method"]
    ]
    limits["is_right"] = (limits["value"] < NEAR).astype(int)
    limits["n_right"] = limits.groupby("method")["is_right"].transform("sum")
    return limits.sort_values("n_right", ascending=False, kind="stable", ignore_index=True)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    ax = figure.subplots()
    methods, sets = _methods(data), list(dict.fromkeys(data["data"]))
    for row in data.itertuples():
        place = sets.index(row.data), methods.index(row.label)
        if row.is_right:
            cell(ax, place, RIGHT, RIGHT_OPACITY)
        elif np.isfinite(row.value):
            cell(ax, place, INK, max(opacity for least, opacity in TINTS if row.value >= least))
        ax.text(*place, told(row.value), ha="center", va="center", fontsize=6.5)
    counts = data.drop_duplicates("label").set_index("label")["n_right"]
    names = [f"{label}  {counts[label]}" for label in methods]
    ax.set_yticks(range(len(methods)), names, fontsize=8)
    words = [name.replace("_", " ") for name in sets]
    ax.set_xticks(
        range(len(sets)), words, rotation=50, ha="left", fontsize=8, rotation_mode="anchor"
    )
    ax.xaxis.tick_top()
    ax.set(xlim=(-0.5, len(sets) - 0.5), ylim=(len(methods) - 0.5, -0.5))
    ax.grid(False)
    keys = [Patch(facecolor=RIGHT, alpha=RIGHT_OPACITY, label=f"below {NEAR:g}")]
    keys += [Patch(facecolor=INK, alpha=tint, label=f"from {least:g}") for least, tint in TINTS]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), fontsize=7)


def _methods(data: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(data["label"]))


def told(distance: float) -> str:
    """A distance for a cell; a dash for no answer."""
    if not np.isfinite(distance):
        return "–"
    return "0" if distance < NEAR else f"{distance:.2g}"


def describe(data: pd.DataFrame, looks: Looks) -> str:
    counts = data.drop_duplicates("label")
    right = ", ".join(f"{row.label} {row.n_right}" for row in counts.itertuples())
    n_sets = data["data"].nunique()
    return f"A grid of {len(counts)} methods by {n_sets} data sets. Right on so many: {right}."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return (
        "Cells: the distance of a method's limit, on exact moments and with its penalty weighing "
        f"without bound, from the invariant predictor; 0 stands for less than {NEAR:g}. After a "
        "method's name: on how many of the data sets it is right. A dash: it has no answer there, "
        "and the map says why."
    )
