"""The three estimates of the same penalty, on the same rows, where training starts and ends."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irm_bench.config import Config, Study
from irm_bench.planning import exact
from irm_bench.presentation.axes import ink, legend_above, symlog_axis
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, at_base, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "The penalty estimates where training starts and where it ends"
SECTION = "penalty"
STUDY = "notebook"
TABLES = ("trajectories",)
ROW_KEYS = ("method", "penalty", "step", "seed")
SIZE = (6.2, 2.9)
KEEP = ["method", "penalty", "step", "seed", "penalty_estimate"]
MOST_SEEDS = 500  # more dots would hide one another


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """The estimate of each seed at the first and last recorded step, methods with a penalty."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    table = tables["trajectories"]
    pieces = at_base(table.pieces, study)
    pieces = pieces[pieces["penalty"] != ""]
    ends = pieces["step"].isin([pieces["step"].min(), pieces["step"].max()])
    frame = table.read(pieces[ends])
    frame = frame.loc[frame["seed"].isin(study.seeds[:MOST_SEEDS]), KEEP].reset_index(drop=True)
    return frame.assign(true_penalty=_truth(study, frame["step"]))


def _truth(study: Study, step: pd.Series) -> pd.Series:
    """The true penalty at the start, where φ is known; nan later."""
    start = exact.start_penalty(study, study.train_sets[0])
    return pd.Series(np.where(step == 0, start, np.nan), index=step.index)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    steps = sorted(set(data["step"]))
    axes = figure.subplots(1, len(steps), squeeze=False)[0]
    for ax, step in zip(axes, steps, strict=True):
        _panel(ax, data[data["step"] == step], looks)
        ax.set_title(f"after {step:,} update{'s' if step != 1 else ''}")
    axes[0].set_ylabel("penalty estimate,\nsum over environments")
    symlog_axis(axes[-1], "y", _linear(data[data["step"] == steps[-1]]["penalty_estimate"]))
    legend_above(figure, axes[0])


def _linear(values: pd.Series) -> float:
    """A power of ten that most values exceed in size."""
    size = np.nanquantile(values.astype(float).abs(), 0.3)
    return float(10 ** np.floor(np.log10(max(size, 1e-12))))


def _panel(ax: Axes, data: pd.DataFrame, looks: Looks) -> None:
    for k, series in enumerate(looks(data)):
        values = series.rows(data)["penalty_estimate"].to_numpy(dtype=float)
        # Spread sideways by the golden ratio: as even as random, and the same in every run.
        x = k + 0.5 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)
        color = ink(series)
        ax.plot(x, values, series.marker, color=color, ms=2.5, alpha=0.55, label=series.label)
        mean = np.nanmean(values) if np.isfinite(values).any() else np.nan
        ax.hlines(mean, k - 0.35, k + 0.35, color=color, linewidth=2)
    reference = data["true_penalty"].iloc[0]
    ax.axhline(0 if np.isnan(reference) else reference, color=INK, linewidth=0.8)
    ax.set_xticks([])


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    for (step, *_), rows in data.groupby(["step", "method", "penalty"], sort=True):
        label = looks(rows)[0].label
        values = rows["penalty_estimate"].astype(float)
        negative = int((values < 0).sum())
        parts.append(
            f"after {step:,} updates {label} has mean {values.mean():.3g}, standard deviation "
            f"{values.std():.2g} and {negative} of {len(values)} seeds below zero"
        )
    return "Two panels of dots, one dot a seed: " + "; ".join(parts) + "."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    n = over_seeds(data, ["step", "method", "penalty"], "penalty_estimate")["n_seeds"].max()
    which = f"the first {n}" if n == MOST_SEEDS else f"{n}"
    return (
        f"Dots: one of {which} seeds each; thick line: their mean. No interval: the spread itself "
        "is shown. All methods of a seed see the same rows. The thin line is the true penalty at "
        "the start, and zero on the right, whose scale is logarithmic both ways from zero and "
        "linear close to it."
    )
