"""The paper's table beside ours: every method in every setting."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from irm_bench.books.irm_paper.labels import letters, words
from irm_bench.config import Config
from irm_bench.config.model import PrintedModel
from irm_bench.judging import printed as source
from irm_bench.presentation.axes import left_out, legend_above, level, plain
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, Series, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "The published table and ours"
SECTION = "table"
STUDY = "pooled"
TABLES = ("models",)
SETTING = ["hidden", "hetero", "scramble"]
ROW_KEYS = ("kind", "quantity", *SETTING, "method", "penalty", "seed")
SIZE = (7.6, 4.6)
QUANTITIES = {
    "causal_error": "error of the causes’ weights",
    "noncausal_error": "error of the other weights",
}
# What is smaller stands on one line at the foot of the axis: zeros cannot stand on a log axis.
FLOOR = 1e-5
OURS, THEIRS, RUN = "ours", "published", "run"


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Means with intervals, ours and the published ones, and every single run of ours."""
    printed = config.printed
    if printed is None or not printed.is_repeated or find_study(config, STUDY) is None:
        return pd.DataFrame()
    parts = []
    for name, model in printed.models:
        where = {"study": model.study, "method": model.method, "penalty": model.penalty}
        rows = tables["models"].find(**where, selection=model.selection)
        for quantity in QUANTITIES:
            values = rows.assign(quantity=quantity, value=rows[quantity])
            keys = ["quantity", *SETTING, "method", "penalty"]
            parts.append(over_seeds(values, keys, "value").assign(kind=OURS))
            runs = values[[*keys, "seed", "value"]].rename(columns={"value": "mean"})
            parts.append(runs.assign(kind=RUN))
        parts.append(_published(source.numbers(config), name, model))
    found = pd.concat(parts, ignore_index=True)
    found["setting"] = [letters(row) for row in found.itertuples()]
    return found.drop(columns=["q05", "q95"])


def _published(numbers: pd.DataFrame, name: str, model: PrintedModel) -> pd.DataFrame:
    """The published means of a model, with the 95% interval that their standard errors give."""
    rows = numbers[(numbers["model"] == name) & (numbers["statistic"] == "mean")]
    half = 1.96 * rows["standard_error"]
    found = rows[[*SETTING, "quantity"]].assign(kind=THEIRS, method=model.method)
    return found.assign(
        penalty=model.penalty,
        mean=rows["printed"],
        ci_low=rows["printed"] - half,
        ci_high=rows["printed"] + half,
        n_seeds=rows["n"],
        n_diverged=0,
    )


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    settings = list(dict.fromkeys(data["setting"]))
    grid = figure.subplots(len(QUANTITIES), len(settings), sharey=True, squeeze=False)
    methods = looks(data)
    for line, quantity in zip(grid, QUANTITIES, strict=True):
        for ax, setting in zip(line, settings, strict=True):
            chosen = data[(data["quantity"] == quantity) & (data["setting"] == setting)]
            _panel(ax, chosen, methods)
        line[0].set_ylabel(QUANTITIES[quantity])
    for ax, setting in zip(grid[0], settings, strict=True):
        ax.set_title(setting)
    legend_above(figure, grid[0, 0])


def _panel(ax: Axes, rows: pd.DataFrame, methods: list[Series]) -> None:
    ax.set_yscale("log")
    for place, series in enumerate(methods):
        mine = series.rows(rows)
        color = INK if series.color == "#000000" else series.color
        _strokes(ax, place, mine[mine["kind"] == RUN]["mean"].to_numpy(dtype=float), color)
        _mean(ax, place - 0.22, mine[mine["kind"] == OURS], color, series.label, True)
        label = "published" if place == len(methods) - 1 else ""  # the last of the legend
        _mean(ax, place + 0.22, mine[mine["kind"] == THEIRS], color, label, False)
    ax.set_xlim(-0.6, len(methods) - 0.4)
    ax.set_xticks([])
    ticks = [FLOOR, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    ax.set_yticks(ticks, ["0", *(plain(tick) for tick in ticks[1:])])
    ax.set_ylim(FLOOR / 2, 5)
    ax.minorticks_off()


def _strokes(ax: Axes, place: float, values: np.ndarray, color: str) -> None:
    """A short stroke a run, all in one path: as dots they would be as many elements."""
    heights = np.maximum(values[np.isfinite(values)], FLOOR)
    ends = np.empty((2 * len(heights), 2))
    ends[::2, 0], ends[1::2, 0] = place - 0.12, place + 0.12
    ends[:, 1] = np.repeat(heights, 2)
    codes = np.tile([Path.MOVETO, Path.LINETO], len(heights))
    ax.add_patch(PathPatch(Path(ends, codes), fill=False, ec=color, lw=0.5, alpha=0.35))


def _mean(
    ax: Axes, place: float, rows: pd.DataFrame, color: str, label: str, is_filled: bool
) -> None:
    if rows.empty:
        return
    found = rows[["mean", "ci_low", "ci_high"]].iloc[0].astype(float)
    value, low, high = (max(number, FLOOR) for number in found)
    ax.errorbar(
        [place],
        [value],
        yerr=[[value - low], [high - value]],
        fmt="o" if is_filled else "D",
        color=color if is_filled else INK,
        mfc=color if is_filled else "none",
        markersize=4,
        linewidth=1.1,
        label=label or None,
    )


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    ours = data[(data["kind"] == OURS) & (data["quantity"] == "causal_error")]
    for series in looks(data):
        rows = series.rows(ours)
        low, high = rows.loc[rows["mean"].idxmin()], rows.loc[rows["mean"].idxmax()]
        parts.append(
            f"{series.label} from {low['mean']:.2g} ({low['setting']}) to {high['mean']:.2g} "
            f"({high['setting']})"
        )
    return f"Sixteen panels, two rows of settings. Mean error of causes: {'; '.join(parts)}."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    ours = data[data["kind"] == OURS]
    named = data.drop_duplicates("setting")
    told = "; ".join(f"{row.setting}: {words(row)}" for row in named.itertuples())
    return (
        f"Filled points: our mean with its {level(ours)}; hollow ones: the published mean with its "
        "95% interval; strokes: our runs, one each. Log scale; the line named 0 holds all below "
        f"{FLOOR:g}. {told}.{left_out(ours)}"
    )
