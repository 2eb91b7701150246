"""Error of every method in every environment, training and test."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from irm_bench.config import Config
from irm_bench.presentation.axes import left_out, legend_above, level, log_axis, points
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, base_batches, find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

TITLE = "Error in every environment"
SECTION = "comparison"
STUDY = "notebook"
TABLES = ("errors",)
ROW_KEYS = ("split", "environment", "method", "penalty")
SIZE = (6.4, 3.3)
AVERAGE = "average"


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Mean squared error on sampled rows over seeds; also its average over environments."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    pairs = [_summaries(errors) for errors in base_batches(tables["errors"], study)]
    each, average = (pd.concat(parts) for parts in zip(*pairs, strict=True))
    return pd.concat([each, average]).sort_values("split", ascending=False, kind="stable")


def _summaries(errors: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Over seeds, in every environment and on average over them."""
    keys = ["split", "environment", "method", "penalty"]
    each = over_seeds(errors, keys, "mse").merge(errors[[*keys, "optimum"]].drop_duplicates())
    by_seed = errors.groupby(["split", "method", "penalty", "seed"], sort=False, as_index=False)
    average = by_seed[["mse", "optimum"]].agg(lambda v: v.mean(skipna=False))
    average = average.assign(environment=AVERAGE)
    whole = over_seeds(average, keys, "mse").merge(average[[*keys, "optimum"]].drop_duplicates())
    return each, whole


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    splits = list(dict.fromkeys(data["split"]))
    counts = [data[data["split"] == s]["environment"].nunique() for s in splits]
    axes = figure.subplots(1, len(splits), sharey=True, squeeze=False, width_ratios=counts)[0]
    for ax, split in zip(axes, splits, strict=True):
        part = data[data["split"] == split]
        places = {e: i for i, e in enumerate(dict.fromkeys(part["environment"]))}
        found = looks(part)
        for k, series in enumerate(found):
            rows = series.rows(part)
            x = rows["environment"].map(places) + 0.14 * (k - (len(found) - 1) / 2)
            points(ax, x, rows, series)
        floor = part.drop_duplicates("environment")
        x = np.arange(len(floor))
        ax.hlines(floor["optimum"], x - 0.4, x + 0.4, color=INK, lw=0.9, label="noise floor")
        names = [looks.environment(environment) for environment in places]
        ax.set_xticks(x, names, rotation=30, ha="right")
        ax.set_title(f"{split} rows")
        log_axis(ax, "y")
    axes[0].set_ylabel("mean squared error")
    legend_above(figure, axes[0], columns=3)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    for (split, environment), rows in data.groupby(["split", "environment"], sort=False):
        name = looks.environment(environment)
        values = (f"{s.label} {s.rows(rows)['mean'].iloc[0]:.3g}" for s in looks(rows))
        parts.append(f"{split} {name}: {', '.join(values)}")
    return "Mean squared errors on a logarithmic axis. " + "; ".join(parts) + "."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return (
        f"Points: mean squared error on the sampled rows; bars: {level(data)}. Horizontal "
        "lines: the noise floor, the oracle's exact risk. 'average' weighs the environments "
        "equally, as the notebook does." + left_out(data)
    )
