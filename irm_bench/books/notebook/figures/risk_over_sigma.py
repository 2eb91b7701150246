"""Risk over the noise level of the test environment, and where the two learned models cross."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from irm_bench.config import Config, Study
from irm_bench.config.layout import set_label
from irm_bench.planning import exact
from irm_bench.presentation.axes import curve, left_out, legend_above, level, log_axis
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, find_study, risks

TITLE = "Where each model wins: risk over the test noise σ"
SECTION = "where"
STUDY = "sigma_grid"
TABLES = ("summary",)
ROW_KEYS = ("train_sigmas", "method", "penalty", "sigma")
SIZE = (6.2, 3.5)
EXPLORE = {
    "x": "sigma",
    "x_label": "σ of the test environment",
    "x_scale": "log",
    "y_label": "risk",
    "y_scale": "log",
    "panel": ("train_sigmas",),
    "chooser": "Trained at σ",
}
KEYS = [
    "train_sigmas",
    "method",
    "penalty",
    "sigma",
    "mean",
    "ci_low",
    "ci_high",
    "n_seeds",
    "n_diverged",
]


def data(tables: dict[str, pd.DataFrame], config: Config) -> pd.DataFrame:
    """Exact population risk of the trained models over seeds, for every training set."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    frame = risks(tables["summary"], study)[KEYS].merge(exact.crossings(study))
    frame = frame.merge(_members(study, main_set(config)), how="left")
    sets = [main_set(config), *(set_label(train) for train in study.train_sets)]
    frame = frame.assign(order=frame["train_sigmas"].map(sets.index))
    return frame.sort_values(["order", "sigma"], kind="stable").drop(columns="order")


def _members(study: Study, drawn: str) -> pd.DataFrame:
    """The σ of the training set that is drawn, in the columns train_1, train_2 …"""
    rows = []
    for train in study.train_sets:
        if set_label(train) == drawn:
            sigmas = {f"train_{i + 1}": member["sigma"] for i, member in enumerate(train)}
            rows.append({"train_sigmas": drawn, **sigmas})
    return pd.DataFrame(rows)


def main_set(config: Config) -> str:
    """The training set that is drawn: the notebook's if the grid has it, else the grid's first."""
    grid, notebook = find_study(config, STUDY), find_study(config, "notebook")
    sets = [set_label(train) for train in grid.train_sets] if grid else []
    wanted = set_label(notebook.train_sets[0]) if notebook else ""
    return wanted if wanted in sets else sets[0]


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    ax = figure.subplots()
    data = data[data["train_sigmas"] == data["train_sigmas"].iloc[0]]
    for series in looks(data):
        curve(ax, series.rows(data), "sigma", series)
    log_axis(ax, "x")
    log_axis(ax, "y")
    sigma = data["crossing"].iloc[0]
    if np.isfinite(sigma):
        ax.axvline(sigma, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.annotate(
            f"σ = {sigma:.3g}",
            (sigma, ax.get_ylim()[0]),
            xytext=(-6, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
        )
    for train in data.iloc[0].filter(regex=r"^train_\d+$").dropna():
        ax.plot(train, 0.015, "|", color=INK, ms=9, mew=2, transform=ax.get_xaxis_transform())
    ax.set(xlabel="σ of the test environment", ylabel="risk (exact mean squared error)")
    legend_above(figure, ax)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    data = data[data["train_sigmas"] == data["train_sigmas"].iloc[0]]
    ends = []
    for sigma in (data["sigma"].min(), data["sigma"].max()):
        rows = data[data["sigma"] == sigma]
        values = ", ".join(f"{s.label} {s.rows(rows)['mean'].iloc[0]:.3g}" for s in looks(rows))
        ends.append(f"at σ = {sigma:g}: {values}")
    crossing = data["crossing"].iloc[0]
    meet = (
        f" Exact ERM and the oracle cross at σ = {crossing:.3g}." if np.isfinite(crossing) else ""
    )
    return f"Rising curves on logarithmic axes; risk {'; '.join(ends)}.{meet}"


def caption(data: pd.DataFrame, looks: Looks) -> str:
    train = looks.train_set(data["train_sigmas"].iloc[0])
    return (
        f"Trained at σ ∈ {train} (thick ticks). Curves: mean over seeds of the exact "
        f"population risk; bands, mostly thinner than the curve: {level(data)}. Dashed: the σ "
        "at which ERM, trained on infinitely many rows, is as good as the oracle." + left_out(data)
    )
