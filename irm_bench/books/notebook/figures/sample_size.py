"""How many rows an environment needs: weight of the effects and excess risk over n."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from irm_bench.books.notebook.effects import effects_over_seeds
from irm_bench.config import Config
from irm_bench.presentation.axes import curve, left_out, legend_above, level, log_axis, symlog_axis
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, at_base, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "Rows per training environment"
SECTION = "sample_size"
STUDY = "sample_size"
TABLES = ("models", "errors")
KEYS = ["method", "penalty", "n_samples"]
ROW_KEYS = ("quantity", "method", "penalty", "n_samples")
SIZE = (6.4, 3.1)
EXPLORE = {
    "x": "n_samples",
    "x_label": "rows per training environment",
    "x_scale": "log",
    "y_label": "mean",
    "y_scale": "linear",
    "band": ("q05", "q95"),
    "panel": ("quantity",),
    "chooser": "Quantity",
    "panels": {
        "phi_z": {"label": "weight of the effects", "y_label": "φ(Z)", "levels": [0]},
        "excess": {
            "label": "risk above the noise floor",
            "y_label": "largest excess risk",
            "y_scale": 1e-4,
        },
    },
}
PANELS = {
    "phi_z": "φ(Z), mean weight of the effects",
    "excess": "risk above the noise floor,\nlargest over test environments",
}


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Over seeds: φ(Z), and the largest excess risk over the test environments."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    models, errors = (tables[name] for name in TABLES)
    of_models = at_base(models.pieces, study, "n_samples")
    of_errors = at_base(errors.select(split="test"), study, "n_samples")
    parts = [
        *(effects_over_seeds(batch, study, KEYS) for batch in models.batches(KEYS, of_models)),
        *(_worst_excess(batch) for batch in errors.batches(KEYS, of_errors)),
    ]
    return pd.concat(parts, ignore_index=True)


def _worst_excess(errors: pd.DataFrame) -> pd.DataFrame:
    excess = errors.assign(excess=errors["risk"] - errors["optimum"])
    worst = excess.groupby([*KEYS, "seed"], sort=False, as_index=False)["excess"]
    worst = worst.agg(lambda values: values.max(skipna=False))
    return over_seeds(worst.assign(quantity="excess"), ["quantity", *KEYS], "excess")


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    axes = figure.subplots(1, len(PANELS))
    for ax, (quantity, title) in zip(axes, PANELS.items(), strict=True):
        rows = data[data["quantity"] == quantity]
        for series in looks(rows):
            curve(ax, series.rows(rows), "n_samples", series, band=("q05", "q95"))
        log_axis(ax, "x")
        ax.set(xlabel="rows per training environment", ylabel=title)
    axes[0].axhline(0, color=INK, linewidth=0.8)
    excess = data[data["quantity"] == "excess"]
    positive = excess.loc[excess["mean"] > 0, "mean"]
    linear = float(10 ** np.floor(np.log10(positive.min()))) if len(positive) else 1e-4
    symlog_axis(axes[1], "y", linear)
    axes[1].set_ylim(bottom=min(-linear / 2, excess["q05"].min()))
    legend_above(figure, axes[0], columns=3)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    for series in looks(data):
        rows = series.rows(data)
        rows = rows[rows["quantity"] == "phi_z"].sort_values("n_samples")
        first, last = rows.iloc[0], rows.iloc[-1]
        parts.append(
            f"{series.label} from {first['mean']:.3g} at {first['n_samples']:,} rows to "
            f"{last['mean']:.3g} at {last['n_samples']:,}"
        )
    return "Two panels of curves over the number of rows. Mean φ(Z): " + "; ".join(parts) + "."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return (
        "Curves: mean over seeds; bands: from the 5% to the 95% quantile of the seeds. The "
        f"data hold the {level(data)} too. Left: 0 is the causal solution." + left_out(data)
    )
