"""The notebook's first picture: what the variables look like in every environment."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irm_bench.books.notebook.labels import feature_label
from irm_bench.config import Config
from irm_bench.presentation.axes import plain
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks

TITLE = "The variables in every environment"
SECTION = "data"
STUDY = ""
TABLES = ("histograms",)
ROW_KEYS = ("split", "environment", "variable", "bin_left")
SIZE = (6.4, 5.0)
SHARE = 0.07  # of the rows, where the vertical axes end
# Greys: colours are the methods' own.
COLORS = {"train": "#5a5a5a", "test": "#8c8c8c"}


def data(tables: dict[str, pd.DataFrame], config: Config) -> pd.DataFrame:
    """Counts (rows of data) of each bin; empty bins left out."""
    counts = tables["histograms"]
    return counts[counts["count"] > 0].reset_index(drop=True)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    panels = list(data.groupby(["split", "environment"], sort=False))
    variables = list(dict.fromkeys(data["variable"]))
    axes = figure.subplots(len(panels), len(variables), sharex=True, sharey=True, squeeze=False)
    top = SHARE * data.groupby(["split", "environment", "variable"])["count"].sum().max()
    for line, ((split, environment), rows) in zip(axes, panels, strict=True):
        for ax, variable in zip(line, variables, strict=True):
            _panel(ax, rows[rows["variable"] == variable], COLORS[split], top)
        line[0].set_ylabel(f"{split}\n{looks.environment(environment)}")
    # all panels share their axes
    axes[0, 0].set(xlim=(-6, 6), ylim=(0, top), xticks=[-5, 0, 5], yticks=[])
    axes[0, 0].xaxis.set_major_formatter(plain)
    for ax, variable in zip(axes[0], variables, strict=True):
        ax.set_title(feature_label(variable))


def _panel(ax: Axes, rows: pd.DataFrame, color: str, top: float) -> None:
    """One histogram as a filled outline, cut at ``top`` with a triangle over what is cut."""
    left, right = rows["bin_left"].to_numpy(), rows["bin_right"].to_numpy()
    edges = np.linspace(-6, 6, round(12 / (right[0] - left[0])) + 1)
    counts = np.zeros(len(edges) - 1)
    counts[np.searchsorted(edges, (left + right) / 2) - 1] = rows["count"]
    ax.stairs(counts.clip(max=top), edges, fill=True, color=color)
    tall = ((edges[:-1] + edges[1:]) / 2)[counts > top]
    ax.plot(tall, np.full(len(tall), 0.95 * top), "^", color=INK, markersize=2)
    ax.grid(False)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    counts = data.groupby(["split", "environment"], sort=False)
    widths = []
    for (split, environment), rows in counts:
        target = rows[rows["variable"] == "y"]
        reach = target["bin_right"].abs().max()
        widths.append(
            f"{split} {looks.environment(environment)}: the target stays within ±{reach:.2g}"
        )
    return (
        "A grid of histograms: one row an environment, one column a variable. "
        + "; ".join(widths)
        + "."
    )


def caption(data: pd.DataFrame, looks: Looks) -> str:
    seed = int(data["seed"].iloc[0])
    return (
        f"One seed ({seed}). X are the causes, Z the effects of the target's parts, ΣY the "
        "target. Axes as in the notebook: values within ±6 in 50 bins, counts up to "
        f"{SHARE:.0%} of the rows; a triangle marks a bar that is taller. No interval: these "
        "are the rows themselves."
    )
