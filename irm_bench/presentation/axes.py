"""What the figures share: axes with plain numbers, curves with bands, points with bars, legends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Series


def plain(value: float, _: Any = None) -> str:
    """A tick label without exponents where it stays short."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:,.10g}".replace("-", "−")
    exponent = f"{np.log10(abs(value)):.0f}"
    sign = "−" if value < 0 else ""
    return sign + "10" + exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def log_axis(ax: Axes, which: str, max_ticks: int = 7) -> None:
    """Logarithmic, decades labelled in plain numbers; call it when all is drawn.

    Where nothing above 0 is drawn, for all runs diverged, the axis stays as it is.
    """
    if not np.isfinite(getattr(ax.dataLim, f"minpos{which}")):
        return
    getattr(ax, f"set_{which}scale")("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(LogLocator(numticks=max_ticks))
    axis.set_minor_locator(NullLocator())
    plain_ticks(axis)


def symlog_axis(ax: Axes, which: str, linear: float) -> None:
    """Logarithmic both ways from ±``linear``, linear between: for values that cross zero."""
    getattr(ax, f"set_{which}scale")("symlog", linthresh=linear, linscale=0.5)
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_minor_locator(NullLocator())
    plain_ticks(axis)


def updates_axis(ax: Axes, last: int) -> None:
    """Numbers of updates: logarithmic, with 0 at the left end."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.3)
    ax.set_xticks([0, *(10**k for k in range(len(str(last))))])
    ax.set_xlim(0, last * 1.1)
    ax.xaxis.set_minor_locator(NullLocator())
    plain_ticks(ax.xaxis)
    ax.set_xlabel("updates")


def plain_ticks(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_formatter(NullFormatter())


def ink(series: Series) -> str:
    """Black follows the page's text colour."""
    return INK if series.color == "#000000" else series.color


def curve(
    ax: Axes,
    rows: pd.DataFrame,
    x: str,
    series: Series,
    band: tuple[str, str] | None = ("ci_low", "ci_high"),
    markers: bool = True,
) -> None:
    """The mean over ``x`` with a band; with a marker at every point unless there are too many."""
    color = ink(series)
    every = max(1, len(rows) // 10)
    ax.plot(
        rows[x],
        rows["mean"],
        color=color,
        linestyle=series.dash,
        marker=series.marker if markers else None,
        markevery=every,
        label=series.label,
    )
    if band:
        ax.fill_between(rows[x], rows[band[0]], rows[band[1]], color=color, alpha=0.18, linewidth=0)


def points(ax: Axes, x: Sequence[float] | pd.Series, rows: pd.DataFrame, series: Series) -> None:
    """Means with the bars of their intervals, one marker each."""
    bars = np.abs(rows[["ci_low", "ci_high"]].sub(rows["mean"], axis=0)).T.to_numpy()
    ax.errorbar(
        x,
        rows["mean"],
        yerr=bars,
        fmt=series.marker,
        color=ink(series),
        capsize=2.5,
        linewidth=1.2,
        label=series.label,
    )


def cell(ax: Axes, place: tuple[float, float], color: str, opacity: float) -> None:
    """A cell of a grid around ``place`` (column, row), tinted as far as text on it stays readable.

    One colour at a few opacities: a colour between two would be shifted by the page's themes.
    """
    left, low = place[0] - 0.5, place[1] - 0.5
    ax.add_patch(Rectangle((left, low), 1, 1, facecolor="none", edgecolor=INK, linewidth=0.3))
    if opacity > 0:
        ax.add_patch(
            Rectangle((left, low), 1, 1, color=color, alpha=round(opacity, 2), linewidth=0)
        )


def legend_above(figure: Figure, ax: Axes, columns: int | None = None) -> None:
    """One legend for all panels, over them."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns or len(labels))


def level(data: pd.DataFrame, what: str = "of the mean") -> str:
    """``95% t interval of the mean over 100 seeds`` (or ``97 to 100 seeds``)."""
    n = data["n_seeds"].astype(int)
    count = f"{n.max()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
    return f"95% t interval {what} over {count} seed{'s' if n.max() != 1 else ''}"


def left_out(data: pd.DataFrame) -> str:
    """A sentence on diverged runs, or nothing."""
    worst = int(data["n_diverged"].max())
    if not worst:
        return ""
    return f" Diverged runs (up to {worst} a point) have no value and are left out of the mean."
