"""IRM's error over the weight of the error, and where each rule of choice lands."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from irm_bench.books.irm_paper.labels import RULES, letters, words
from irm_bench.config import Config
from irm_bench.presentation.axes import left_out, level, log_axis, plain_ticks
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "The weight of the error, and who chooses it"
SECTION = "weight"
STUDY = "irm"
TABLES = ("models", "selections")
SETTING = ["hidden", "hetero", "scramble"]
KEYS = [*SETTING, "study", "method", "penalty", "selection", "error_weight"]
ROW_KEYS = tuple(KEYS)
SIZE = (7.6, 4.6)
POPULATION = "irm_population"
MARKS = {
    "held_out_environment": ("v", "#d55e00"),
    "in_distribution": ("s", "#cc79a7"),
    "leave_one_environment_out": ("^", "#009e73"),
    "oracle": ("o", INK),
}


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Mean error over all weights: at every weight, on rows and exact moments, and by each rule.

    A rule stands at the weight that it chooses most often, ``share`` of the seeds.
    """
    if find_study(config, STUDY) is None:
        return pd.DataFrame()
    parts = []
    for study in (STUDY, POPULATION):
        if find_study(config, study) is None:
            continue
        rows = tables["models"].find(study=study)
        whole = rows.assign(error=(rows["causal_error"] + rows["noncausal_error"]) / 2)
        if study == POPULATION:
            whole = whole[whole["selection"] == ""]
        parts.append(over_seeds(whole.drop(columns=["sem"]), KEYS, "error"))
    found = pd.concat(parts, ignore_index=True).drop(columns=["q05", "q95"])
    modes = _modes(tables["selections"].find(study=STUDY))
    found = found.merge(modes, how="left", on=[*SETTING, "study", "selection"])
    found["setting"] = [letters(row) for row in found.itertuples()]
    return found


def _modes(chosen: pd.DataFrame) -> pd.DataFrame:
    """The weight that each rule chooses most often, and in what share of the seeds."""
    keys = [*SETTING, "study", "selection"]
    counts = chosen.groupby([*keys, "error_weight"], observed=True).size().rename("n").reset_index()
    counts["share"] = counts["n"] / counts.groupby(keys)["n"].transform("sum")
    most = counts.sort_values("share", kind="stable").groupby(keys, as_index=False).last()
    return most.rename(columns={"error_weight": "most_chosen"}).drop(columns=["n"])


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    settings = list(dict.fromkeys(data["setting"]))
    columns = min(4, len(settings))
    lines = -(-len(settings) // columns)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for ax, setting in zip(grid.flat, settings, strict=False):
        _panel(ax, data[data["setting"] == setting])
        ax.set_title(setting)
    for ax in grid[-1]:
        ax.set_xlabel("error weight")
    for ax in grid[:, 0]:
        ax.set_ylabel("error of all weights")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    of_weights = rows[rows["selection"] == ""].sort_values("error_weight")
    positive = sorted(w for w in set(of_weights["error_weight"]) if w > 0)
    least = positive[0] if positive else 1.0
    ax.set_xscale("symlog", linthresh=least, linscale=0.7)
    log_axis(ax, "y")
    sampled = of_weights[of_weights["study"] == STUDY]
    ax.plot(
        sampled["error_weight"],
        sampled["mean"],
        color="#882255",
        marker="o",
        ms=3,
        label="1,000 rows",
    )
    ax.fill_between(
        sampled["error_weight"],
        sampled["ci_low"],
        sampled["ci_high"],
        color="#882255",
        alpha=0.2,
        lw=0,
    )
    exact = of_weights[of_weights["study"] == POPULATION]
    ax.plot(
        exact["error_weight"], exact["mean"], color=INK, ls=(0, (4, 3)), lw=1, label="exact moments"
    )
    for rule, (marker, color) in MARKS.items():
        mine = rows[rows["selection"] == rule]
        if len(mine):
            ax.plot(
                mine["most_chosen"],
                mine["mean"],
                marker,
                mfc="none",
                mec=color,
                mew=1.4,
                ms=7,
                ls="",
                label=RULES[rule],
            )
    ax.set_xticks([0, *positive[:: max(1, len(positive) // 2)]], minor=False)
    ax.set_xlim(-least / 2, 2 * max(positive, default=1.0))
    ax.xaxis.set_minor_locator(NullLocator())
    plain_ticks(ax.xaxis)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    fixed = data[(data["selection"] == "") & (data["study"] == STUDY)]
    for setting, rows in fixed.groupby("setting", sort=False):
        best = rows.loc[rows["mean"].idxmin()]
        parts.append(f"{setting}: {best['mean']:.2g} at {best['error_weight']:g}")
    return f"Curves of the error over the weight. The least error is, {'; '.join(parts)}."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    fixed = data[(data["selection"] == "") & (data["study"] == STUDY)]
    named = data.drop_duplicates("setting")
    told = "; ".join(f"{row.setting}: {words(row)}" for row in named.itertuples())
    return (
        f"Line: mean error over all weights, with its {level(fixed)}; dashed: on exact moments. "
        "Marks: the mean error by each rule of choice, at the weight that it chooses most often. "
        f"A weight of 0 stands at the left end. {told}.{left_out(fixed)}"
    )
