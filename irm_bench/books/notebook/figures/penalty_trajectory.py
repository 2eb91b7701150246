"""The estimated penalty during training."""

import pandas as pd
from matplotlib.figure import Figure

from irm_bench.config import Config
from irm_bench.presentation.axes import curve, left_out, legend_above, symlog_axis, updates_axis
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, base_batches, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "Estimated penalty along training"
SECTION = "training"
STUDY = "notebook"
TABLES = ("trajectories",)
ROW_KEYS = ("method", "penalty", "updates")
SIZE = (6.0, 3.2)
EXPLORE = {
    "x": "updates",
    "x_label": "updates",
    "x_scale": 1,
    "y_label": "penalty estimate",
    "y_scale": 1e-3,
    "band": ("q05", "q95"),
}
LINEAR = 1e-3  # penalties below this are drawn on a linear scale


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Mean and quantiles over seeds of the estimate, summed over the training environments."""
    study = find_study(config, STUDY)
    if study is None or not len(tables["trajectories"]):
        return pd.DataFrame()
    batches = base_batches(tables["trajectories"], study, "step")
    keys = ["method", "penalty", "step"]
    found = pd.concat([over_seeds(batch, keys, "penalty_estimate") for batch in batches])
    return found.rename(columns={"step": "updates"})


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    ax = figure.subplots()
    for series in looks(data):
        curve(ax, series.rows(data), "updates", series, band=("q05", "q95"))
    ax.axhline(0, color=INK, linewidth=0.8)
    updates_axis(ax, int(data["updates"].max()))
    symlog_axis(ax, "y", LINEAR)
    ax.set_ylim(2 * min(data["q05"].min(), -LINEAR), 2 * data["q95"].max())
    ax.set_ylabel("penalty estimate,\nsum over environments")
    legend_above(figure, ax)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    first = data[data["updates"] == data["updates"].min()]["mean"].max()
    last = data[data["updates"] == data["updates"].max()]
    parts = [f"{s.label} {s.rows(last)['mean'].iloc[0]:.3g}" for s in looks(last)]
    return f"Curves that start near {first:.3g}; mean estimates at the end: {', '.join(parts)}."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    n = int(data["n_seeds"].max())
    return (
        f"Curves: mean over {n} seeds; bands: 5% to 95% quantile of the seeds. The vertical "
        f"axis is logarithmic both ways from zero, and linear within ±{LINEAR:g}: an estimate "
        "can be negative though the penalty cannot." + left_out(data)
    )
