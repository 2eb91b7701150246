"""The notebook's first picture: what the variables look like in every environment."""

import pandas as pd
from matplotlib.figure import Figure

from irm_bench.config import Config
from irm_bench.figures._axes import plain
from irm_bench.report.drawing import INK
from irm_bench.report.series import environment_label, feature_label

TITLE = "The variables in every environment"
SECTION = "data"
STUDY = ""
TABLES = ("histograms",)
SIZE = (6.4, 5.0)
COLORS = {"train": "#0072b2", "test": "#d55e00"}


def data(tables: dict[str, pd.DataFrame], config: Config) -> pd.DataFrame:
    """Counts (rows of data) of each bin; empty bins left out."""
    counts = tables["histograms"]
    return counts[counts["count"] > 0].reset_index(drop=True)


def draw(data: pd.DataFrame, figure: Figure) -> None:
    panels = list(data.groupby(["split", "environment"], sort=False))
    variables = list(dict.fromkeys(data["variable"]))
    axes = figure.subplots(len(panels), len(variables), sharex=True, sharey=True, squeeze=False)
    top = 0.07 * data.groupby(["split", "environment", "variable"])["count"].sum().max()
    for row, ((split, environment), rows) in zip(axes, panels, strict=True):
        row[0].set_ylabel(f"{split}\n{environment_label(environment)}")
        for ax, variable in zip(row, variables, strict=True):
            part = rows[rows["variable"] == variable]
            width = part["bin_right"] - part["bin_left"]
            color = COLORS[split]
            ax.bar(part["bin_left"], part["count"].clip(upper=top), width, 0, align="edge", fc=color)
            ax.set(xlim=(-6, 6), ylim=(0, top), xticks=[-5, 0, 5], yticks=[])
            ax.xaxis.set_major_formatter(plain)
            ax.grid(False)
            clipped = part[part["count"] > top]
            ax.plot(clipped["bin_left"] + 0.12, [top] * len(clipped), "^", c=INK, ms=3, clip_on=False)
    for ax, variable in zip(axes[0], variables, strict=True):
        ax.set_title(feature_label(variable))


def describe(data: pd.DataFrame) -> str:
    counts = data.groupby(["split", "environment"], sort=False)
    widths = []
    for (split, environment), rows in counts:
        target = rows[rows["variable"] == "y"]
        reach = target["bin_right"].abs().max()
        widths.append(f"{split} {environment_label(environment)}: the target stays within ±{reach:.2g}")
    return (
        "A grid of histograms: one row an environment, one column a variable. " + "; ".join(widths) + "."
    )


def caption(data: pd.DataFrame) -> str:
    seed = int(data["seed"].iloc[0])
    return (
        f"One seed ({seed}). X are the causes, Z the effects of the target's parts, ΣY the target. "
        "Axes as in the notebook: values within ±6 in 50 bins, counts up to 7% of the rows; a "
        "triangle marks a bar that is taller. No interval: these are the rows themselves."
    )
