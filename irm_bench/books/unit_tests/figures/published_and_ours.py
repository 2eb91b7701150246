"""The shipped means beside ours: every method on every data set of three environments."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irm_bench.books.unit_tests import means
from irm_bench.books.unit_tests.settings import PUBLISHED_RULE, STUDIES
from irm_bench.config import Config
from irm_bench.presentation.axes import ink, left_out, legend_above, level
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, Series
from irm_bench.storage.paged import Rows

TITLE = "The shipped means and ours"
SECTION = "results"
STUDY = ""
TABLES = ("errors",)
ROW_KEYS = ("kind", "data_set", *means.KEYS)
SIZE = (7.6, 3.4)
WORDS = {1: "mean squared error", 2: "error rate", 3: "error rate"}


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Means with intervals on the data sets of three environments, ours and the shipped ones."""
    chosen = [s for s in means.studies(config) if s.name in STUDIES.values()]
    found = means.ours(tables["errors"], chosen)
    if found.empty:
        return found
    found = found[found["selection"] == PUBLISHED_RULE]
    theirs = means.shipped(config, "nenvs")
    if len(theirs):
        is_here = theirs["data_set"].isin(found["data_set"]) & (theirs["n_environments"] == 3)
        theirs = theirs[is_here & theirs["method"].isin(found["method"])]
    return pd.concat([found, theirs], ignore_index=True)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    data_sets = list(dict.fromkeys(data["data_set"]))
    axes = figure.subplots(1, len(data_sets), squeeze=False)[0]
    methods = looks(data)
    for ax, data_set in zip(axes, data_sets, strict=True):
        rows = data[data["data_set"] == data_set]
        _panel(ax, rows, methods)
        ax.set_title(data_set)
        if not data_set.endswith("s") or ax is axes[0]:
            ax.set_ylabel(WORDS[int(rows["example"].iloc[0])])
    legend_above(figure, axes[0])


def _panel(ax: Axes, rows: pd.DataFrame, methods: list[Series]) -> None:
    for place, series in enumerate(methods):
        mine = series.rows(rows)
        color = ink(series)
        ours, theirs = (mine[mine["kind"] == kind] for kind in (means.OURS, means.THEIRS))
        _mark(ax, place - 0.16, ours, "o", color, color, series.label)
        last = "shipped" if place == len(methods) - 1 else ""  # of the legend
        _mark(ax, place + 0.2, theirs, "D", INK, "none", last)
    ax.set_xlim(-0.7, len(methods) - 0.3)
    ax.set_xticks([])
    if rows["example"].iloc[0] != 1:
        ax.set_ylim(-0.03, 0.6)


def _mark(
    ax: Axes, place: float, rows: pd.DataFrame, shape: str, color: str, fill: str, label: str
) -> None:
    for row in rows.itertuples():
        ax.errorbar(
            [place],
            [row.mean],
            yerr=[[row.mean - row.ci_low], [row.ci_high - row.mean]],
            fmt=shape,
            color=color,
            mfc=fill,
            markersize=4,
            linewidth=1.1,
            label=label or None,
        )


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    ours = data[data["kind"] == means.OURS]
    for series in looks(ours):
        told = (f"{row.data_set} {row.mean:.3g}" for row in series.rows(ours).itertuples())
        parts.append(f"{series.label}: {', '.join(told)}")
    return f"A panel a data set, our mean errors being, {'; '.join(parts)}."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    ours = data[data["kind"] == means.OURS]
    return (
        f"Filled points: our mean error on the test environments with its {level(ours)}; hollow "
        "ones: the shipped mean with its 95% interval over 50 seeds, at most as wide as drawn. "
        f"1s, 2s and 3s are the scrambled data sets.{left_out(ours)}"
    )
