"""Where the weights go during training: mean weight of the causes and of the effects."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irm_bench.config import Config
from irm_bench.presentation.axes import curve, left_out, legend_above, updates_axis
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, base_batches, features, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "Weights along training"
SECTION = "training"
STUDY = "notebook"
TABLES = ("trajectories",)
ROW_KEYS = ("weight", "method", "penalty", "updates")
SIZE = (6.4, 3.1)
EXPLORE = {
    "x": "updates",
    "x_label": "updates",
    "x_scale": 1,
    "y_label": "mean weight",
    "y_scale": "linear",
    "band": ("q05", "q95"),
    "panel": ("weight",),
    "chooser": "Weight",
    "panels": {
        "phi_x": {"label": "φ(X), causes", "levels": [1]},
        "phi_z": {"label": "φ(Z), effects", "levels": [0]},
    },
}
PANELS = {
    "phi_x": ("φ(X), mean weight of the causes", 1.0),
    "phi_z": ("φ(Z), mean weight of the effects", 0.0),
}


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Mean and quantiles over seeds of φ(X) and φ(Z) at every recorded number of updates."""
    study = find_study(config, STUDY)
    if study is None or not len(tables["trajectories"]):
        return pd.DataFrame()
    return pd.concat(
        [
            over_seeds(
                batch.assign(weight=name, value=batch[columns].mean(axis=1, skipna=False)),
                ["weight", "method", "penalty", "step"],
                "value",
            )
            for name, columns in features(study).groups()
            for batch in base_batches(tables["trajectories"], study, "step")
        ],
        ignore_index=True,
    ).rename(columns={"step": "updates"})


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    axes = figure.subplots(1, len(PANELS))
    for ax, (weight, (title, causal)) in zip(axes, PANELS.items(), strict=True):
        _panel(ax, data[data["weight"] == weight], looks)
        ax.axhline(causal, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        ax.set_title(title)
    legend_above(figure, axes[0])


def _panel(ax: Axes, data: pd.DataFrame, looks: Looks) -> None:
    for series in looks(data):
        curve(ax, series.rows(data), "updates", series, band=("q05", "q95"))
    updates_axis(ax, int(data["updates"].max()))


def describe(data: pd.DataFrame, looks: Looks) -> str:
    last = data[data["updates"] == data["updates"].max()]
    parts = [
        f"{series.label}: φ(X) {_mean(rows, 'phi_x'):.3g} and φ(Z) {_mean(rows, 'phi_z'):.3g}"
        for series in looks(last)
        for rows in [series.rows(last)]
    ]
    return (
        "Curves over the number of updates, from all weights equal to one. They end at "
        + "; ".join(parts)
        + "."
    )


def _mean(rows: pd.DataFrame, weight: str) -> float:
    return float(rows.loc[rows["weight"] == weight, "mean"].iloc[0])


def caption(data: pd.DataFrame, looks: Looks) -> str:
    n = int(data["n_seeds"].max())
    return (
        f"Curves: mean over {n} seeds; bands: from the 5% to the 95% quantile of the seeds, so "
        "they show how much runs differ, not how sure the mean is. Dashed: the causal "
        "solution. Logarithmic axis, with 0 at its left end." + left_out(data)
    )
