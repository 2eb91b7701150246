"""At the notebook's own learning rate: the training sets for which gradient descent diverges."""

import pandas as pd
from matplotlib.figure import Figure

from irm_bench.config import Config
from irm_bench.presentation.axes import cell
from irm_bench.presentation.series import Looks, find_study
from irm_bench.storage.paged import Rows

TITLE = "Diverged runs at the notebook's learning rate"
SECTION = "learning_rate"
STUDY = "sigma_grid_fixed_rate"
TABLES = ("models",)
ROW_KEYS = ("train_sigmas", "method", "penalty")
SIZE = (5.0, 4.2)
GREY, DARKEST = "#808080", 0.5  # of a cell in which every run diverged: text on it stays readable
KEYS = ["train_sigmas", "method", "penalty", "learning_rate"]


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Runs and diverged runs of every training set and method, with the median step."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    models = tables["models"]
    return pd.concat(
        [_counts(batch) for batch in models.batches(KEYS, models.select(study=study.name))]
    )


def _counts(models: pd.DataFrame) -> pd.DataFrame:
    groups = models.groupby(KEYS, sort=False, dropna=False)["diverged_at"]
    return groups.agg(n_runs="size", n_diverged="count", median_step="median").reset_index()


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    ax = figure.subplots()
    sets = list(dict.fromkeys(data["train_sigmas"]))
    found = looks(data)
    for j, series in enumerate(found):
        for row in series.rows(data).itertuples():
            i = sets.index(row.train_sigmas)
            share = row.n_diverged / row.n_runs
            cell(ax, (j, i), GREY, DARKEST * share)
            weight = "bold" if row.n_diverged else "normal"
            label = f"{row.n_diverged}/{row.n_runs}"
            ax.text(j, i, label, ha="center", va="center", fontsize=8, weight=weight)
    ax.set(xlim=(-0.5, len(found) - 0.5), ylim=(-0.5, len(sets) - 0.5))
    ax.set_xticks(range(len(found)), [series.label for series in found])
    ax.set_yticks(range(len(sets)), [looks.train_set(s) for s in sets])
    ax.invert_yaxis()
    ax.set_ylabel("training σ")
    ax.grid(False)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    bad = data[data["n_diverged"] > 0]
    if bad.empty:
        return f"A grid of counts, all zero: none of {int(data['n_runs'].sum())} runs diverged."
    sets = ", ".join(looks.train_set(s) for s in dict.fromkeys(bad["train_sigmas"]))
    return (
        f"A grid of counts. {int(bad['n_diverged'].sum())} of {int(data['n_runs'].sum())} runs "
        f"diverged, all of them for training sets {sets}."
    )


def caption(data: pd.DataFrame, looks: Looks) -> str:
    rate = ", ".join(f"{r:g}" for r in sorted(set(data["learning_rate"].dropna())))
    return (
        f"Diverged runs of all runs (one a seed), learning rate {rate}. A run has diverged when a "
        "weight stops being a finite number. Counts, so no interval."
    )
