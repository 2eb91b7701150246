"""Curves of the test error over the number of environments or of spurious dimensions."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irm_bench.books.unit_tests import means
from irm_bench.books.unit_tests.settings import PUBLISHED_RULE
from irm_bench.config import Config
from irm_bench.presentation.axes import curve, ink, left_out, legend_above, level
from irm_bench.presentation.series import Looks, Series
from irm_bench.storage.paged import Rows

ROW_KEYS = ("kind", "data_set", *means.KEYS)
SIZE = (7.6, 5.2)
WORDS = {1: "mean squared error", 2: "error rate", 3: "error rate"}
# What stays as it is in the paper while the other varies.
USUAL = {"n_environments": 3, "dim_spurious": 5}


def data(tables: dict[str, Rows], config: Config, over: str, sweep: str) -> pd.DataFrame:
    """Means with intervals over a column (``over``), ours and those of the shipped ``sweep``."""
    (fixed,) = USUAL.keys() - {over}
    found = means.ours(tables["errors"], means.studies(config))
    if found.empty:
        return found
    found = found[(found["selection"] == PUBLISHED_RULE) & (found[fixed] == USUAL[fixed])]
    if found[over].nunique() < 2:
        return pd.DataFrame()
    theirs = means.shipped(config, sweep)
    if len(theirs):
        is_here = theirs["data_set"].isin(found["data_set"])
        theirs = theirs[is_here & theirs["method"].isin(found["method"])]
    return pd.concat([found, theirs], ignore_index=True)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks, over: str, words: str) -> None:
    """A panel a data set: curves are ours, hollow marks the shipped means."""
    data_sets = sorted(set(data["data_set"]), key=lambda name: (len(name), name))
    columns = max(1, len(data_sets) // 2) if len(data_sets) > 3 else len(data_sets)
    lines = -(-len(data_sets) // columns)
    grid = figure.subplots(lines, columns, sharex=True, squeeze=False)
    for ax, data_set in zip(grid.flat, data_sets, strict=False):
        rows = data[data["data_set"] == data_set].sort_values(over, kind="stable")
        for series in looks(data):
            _series(ax, series.rows(rows), series, over)
        ax.set_title(data_set)
        ax.set_ylabel(WORDS[int(rows["example"].iloc[0])])
        if rows["example"].iloc[0] != 1:
            ax.set_ylim(-0.03, 0.6)
    for ax in grid[-1]:
        ax.set_xlabel(words)
    legend_above(figure, grid.flat[0], columns=5)


def _series(ax: Axes, rows: pd.DataFrame, series: Series, over: str) -> None:
    curve(ax, rows[rows["kind"] == means.OURS], over, series)
    theirs = rows[rows["kind"] == means.THEIRS]
    ax.plot(
        theirs[over], theirs["mean"], series.marker, color=ink(series), mfc="none", ms=6, mew=0.8
    )


def describe(data: pd.DataFrame, looks: Looks, over: str) -> str:
    """Where each method's error ends on each data set."""
    parts = []
    ours = data[data["kind"] == means.OURS]
    most = ours[over].max()
    for series in looks(ours):
        last = series.rows(ours[ours[over] == most])
        told = (f"{row.data_set} {row.mean:.3g}" for row in last.itertuples())
        parts.append(f"{series.label}: {', '.join(told)}")
    return f"A panel a data set. Mean errors at {most:g}: {'; '.join(parts)}."


def caption(data: pd.DataFrame) -> str:
    """What curves and marks are, with seeds and rows."""
    ours = data[data["kind"] == means.OURS]
    rows = sorted(set(ours["n_samples"]))
    told = f"{rows[0]:,}" if len(rows) == 1 else f"{rows[0]:,} to {rows[-1]:,}"
    return (
        f"Curves: our mean error with its {level(ours)}, {told} rows an environment; hollow marks: "
        f"the shipped means of 50 seeds and 10,000 rows.{left_out(ours)}"
    )
