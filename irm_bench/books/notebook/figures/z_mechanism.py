"""Risk where the mechanism of Z itself changes, which the notebook speaks of and never runs."""

import pandas as pd
from matplotlib.figure import Figure

from irm_bench.config import Config
from irm_bench.presentation.axes import curve, left_out, legend_above, level, log_axis
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import GREEK, Looks, find_study, risks

TITLE = "Risk where the mechanism of Z changes"
SECTION = "z_mechanism"
STUDY = "z_mechanism"
TABLES = ("summary",)
ROW_KEYS = ("parameter", "value", "sigma", "method", "penalty")
SIZE = (6.4, 4.6)
EXPLORE = {
    "x": "value",
    "x_label": "γ or τ",
    "x_scale": "linear",
    "y_label": "risk",
    "y_scale": "log",
    "panel": ("parameter", "sigma"),
    "chooser": "What changes",
    "panels": {"gamma": {"label": "γ, slope of Z on Y"}, "tau": {"label": "τ, noise of Z"}},
}
KEYS = ["parameter", "value", "sigma", "method", "penalty"]
NUMBERS = ["mean", "sd", "ci_low", "ci_high", "n_seeds", "n_diverged"]
UNCHANGED = 1.0  # γ and τ of the training environments
LABELS = {"gamma": "γ, slope of Z on Y", "tau": "τ, noise of Z"}


def data(tables: dict[str, pd.DataFrame], config: Config) -> pd.DataFrame:
    """Exact risk over seeds, by the one parameter that changes."""
    study = find_study(config, STUDY)
    frame = tables["summary"]
    if study is None or not {"gamma", "tau"} <= set(frame):
        return pd.DataFrame()
    frame = risks(frame, study)
    parts = [_along(frame, *names) for names in (("gamma", "tau"), ("tau", "gamma"))]
    varied = [part for part in parts if len(part)]  # an empty part would turn numbers into objects
    return pd.concat(varied, ignore_index=True) if varied else pd.DataFrame()


def _along(frame: pd.DataFrame, parameter: str, other: str) -> pd.DataFrame:
    rows = frame[frame[other] == UNCHANGED]
    if rows[parameter].nunique() < 2:
        return pd.DataFrame(columns=[*KEYS, *NUMBERS])
    rows = rows.assign(parameter=parameter, value=rows[parameter])
    return rows[[*KEYS, *NUMBERS]].sort_values("value", kind="stable")


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    parameters, sigmas = list(dict.fromkeys(data["parameter"])), sorted(set(data["sigma"]))
    axes = figure.subplots(len(parameters), len(sigmas), sharey="col", squeeze=False)
    for line, parameter in zip(axes, parameters, strict=True):
        for ax, sigma in zip(line, sigmas, strict=True):
            rows = data[(data["parameter"] == parameter) & (data["sigma"] == sigma)]
            for series in looks(rows):
                curve(ax, series.rows(rows), "value", series)
            if (rows["value"] > 0).all():
                log_axis(ax, "x")
            log_axis(ax, "y", 5)
            ax.axvline(UNCHANGED, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            ax.set_xlabel(LABELS[parameter])
    for ax, sigma in zip(axes[0], sigmas, strict=True):
        ax.set_title(f"σ = {sigma:g}")
    for line in axes:
        line[0].set_ylabel("risk")
    legend_above(figure, axes[0, 0], columns=3)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    for parameter, rows in data.groupby("parameter", sort=False):
        worst = (f"{s.label} {s.rows(rows)['mean'].max():.3g}" for s in looks(rows))
        low, high = rows["value"].min(), rows["value"].max()
        parts.append(f"over {GREEK[str(parameter)]} from {low:g} to {high:g}: {', '.join(worst)}")
    return "A grid of curves of the risk. Largest mean risk " + "; ".join(parts) + "."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return (
        "In the test environments Z = γY + N(0, τ²); the dashed line marks γ = 1 or τ = 1, "
        "which all training environments have. Curves: mean of the exact risk; bands, mostly "
        f"thinner than the curve: {level(data)}. Risk on a logarithmic axis, one scale a "
        "column." + left_out(data)
    )
