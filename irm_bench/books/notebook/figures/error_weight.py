"""What the weight of the error beside the penalty does to the weights and to the risk."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from irm_bench.books.notebook.effects import effects_over_seeds
from irm_bench.config import Config, Study
from irm_bench.planning import exact
from irm_bench.presentation.axes import curve, left_out, legend_above, level, plain_ticks
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, at_base, cast, features, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "The weight of the error beside the penalty"
SECTION = "error_weight"
STUDY = "error_weight"
TABLES = ("models", "errors")
KEYS = ["method", "penalty", "error_weight"]
ROW_KEYS = ("quantity", "method", "penalty", "error_weight")
SIZE = (6.4, 3.1)
EXPLORE = {
    "x": "error_weight",
    "x_label": "error weight",
    "x_scale": "symlog",
    "y_label": "mean",
    "y_scale": "linear",
    "panel": ("quantity",),
    "chooser": "Quantity",
    "panels": {
        "phi_z": {"label": "weight of the effects", "y_label": "φ(Z)", "levels": [0]},
        "mse": {"label": "average test error", "y_label": "mean squared error"},
    },
    "extra": {"exact_minimum": "exact, minimum", "exact_descent": "exact, descent"},
}
PANELS = {
    "phi_z": "φ(Z), mean weight of the effects",
    "mse": "mean squared error,\naverage over test environments",
}


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """φ(Z) and average test error over seeds for every error weight, and φ(Z) without noise."""
    study = find_study(config, STUDY)
    if study is None or cast(study, Looks(config)).invariant is None:
        return pd.DataFrame()
    models, errors = (tables[name] for name in TABLES)
    of_models, of_errors = (
        at_base(models.pieces, study, "error_weight"),
        at_base(errors.select(split="test"), study, "error_weight"),
    )
    parts = [
        *(effects_over_seeds(batch, study, KEYS) for batch in models.batches(KEYS, of_models)),
        *(_average_error(batch) for batch in errors.batches(KEYS, of_errors)),
    ]
    return pd.concat(parts).merge(_exact(study), how="left", on=["quantity", "error_weight"])


def _average_error(errors: pd.DataFrame) -> pd.DataFrame:
    by_seed = errors.groupby([*KEYS, "seed"], sort=False, dropna=False, as_index=False)
    average = by_seed["mse"].agg(lambda values: values.mean(skipna=False))
    return over_seeds(average.assign(quantity="mse"), ["quantity", *KEYS], "mse")


def _exact(study: Study) -> pd.DataFrame:
    """φ(Z) with infinitely many rows: at the minimum, and after the study's updates."""
    train, weights = study.train_sets[0], tuple(sorted(study.error_weights))
    effects = [i for i, cause in enumerate(features(study).causal) if not cause]
    minimum = exact.minima(study, train, weights)[:, effects].mean(axis=1)
    descent = exact.descents(study, train, weights, study.learning_rate.value)
    return pd.DataFrame(
        {
            "quantity": "phi_z",
            "error_weight": weights,
            "exact_minimum": minimum,
            "exact_descent": descent[:, effects].mean(axis=1),
        }
    )


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    axes = figure.subplots(1, len(PANELS))
    for ax, (quantity, title) in zip(axes, PANELS.items(), strict=True):
        _panel(ax, data[data["quantity"] == quantity], looks)
        ax.set_ylabel(title)
    legend_above(figure, axes[0], columns=3)


def _panel(ax: Axes, rows: pd.DataFrame, looks: Looks) -> None:
    grid = rows[rows["error_weight"].notna()].sort_values("error_weight")
    for series in looks(grid):
        curve(ax, series.rows(grid), "error_weight", series)
    for series in looks(rows[rows["error_weight"].isna()]):
        mean = series.rows(rows)["mean"].iloc[0]
        color = INK if series.is_control else series.color
        ax.axhline(mean, color=color, linestyle=series.dash, label=series.label)
    for column, dash in (("exact_minimum", (0, (4, 3))), ("exact_descent", (0, (1, 2)))):
        if grid[column].notna().any():
            label = f"exact, {column.removeprefix('exact_')}"
            ax.plot(grid["error_weight"], grid[column], color=INK, lw=1, ls=dash, label=label)
    _weight_axis(ax, sorted(w for w in set(grid["error_weight"]) if w > 0))


def _weight_axis(ax: Axes, positive: list[float]) -> None:
    """Logarithmic, with zero at the left end where it is among the weights."""
    least = positive[0] if positive else 1.0
    ax.set_xscale("symlog", linthresh=least, linscale=1)
    ax.set_xticks([0, *positive[:: max(1, len(positive) // 3)]], minor=False)
    ax.set_xlim(-least / 3, 2 * max(positive, default=1.0))
    ax.xaxis.set_minor_locator(NullLocator())
    plain_ticks(ax.xaxis)
    ax.set_xlabel("error weight")


def describe(data: pd.DataFrame, looks: Looks) -> str:
    grid = data[data["error_weight"].notna()].sort_values("error_weight")
    parts = []
    for quantity, name in (("phi_z", "φ(Z)"), ("mse", "average test error")):
        rows = grid[grid["quantity"] == quantity]
        first, last = rows.iloc[0], rows.iloc[-1]
        parts.append(
            f"{name} goes from {first['mean']:.3g} at error weight {first['error_weight']:g} to "
            f"{last['mean']:.3g} at {last['error_weight']:g}"
        )
    return "Two panels of curves over the error weight: " + "; ".join(parts) + "."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return (
        f"Points: mean; bands: {level(data)}. Horizontal lines: methods that have no error "
        "weight. Left, with infinitely many rows: dashed, where the objective has its "
        "minimum; dotted, where the same number of updates gets. An error weight of 0 stands "
        "at the left end." + left_out(data)
    )
