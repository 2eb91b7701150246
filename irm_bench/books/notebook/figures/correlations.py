"""Correlation of every feature with the target, environment by environment, beside the truth."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from irm_bench.books.notebook.labels import feature_label
from irm_bench.config import Config, Environment, Study
from irm_bench.planning import plan
from irm_bench.presentation.axes import legend_above, level
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, find_study, seeds_of
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows
from irm_bench.theory.moments import Moments

TITLE = "Correlation of each feature with the target"
SECTION = "environments"
STUDY = "notebook"
TABLES = ("environments",)
ROW_KEYS = ("environment", "feature")
SIZE = (6.0, 3.0)
LOOKS = (("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "^"), ("#cc79a7", "D"), ("#e69f00", "v"))


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Mean correlation over seeds, feature and test environment; ``closed_form`` is the truth."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    parts = [_environment(tables["environments"], study, e) for e in study.test_environments]
    return pd.concat(parts, ignore_index=True)


def _environment(table: Rows, study: Study, environment: Environment) -> pd.DataFrame:
    model = study.model
    rows = seeds_of(table, study, "test", study.n_test_samples, environment)
    truth = population_correlations(plan.population(model, [environment]).at(0))
    found = []
    for i, name in enumerate(model.feature_names):
        summary = over_seeds(rows.assign(feature=name), ["environment", "feature"], f"corr_{i + 1}")
        found.append(summary.assign(closed_form=truth[i]))
    return pd.concat(found)


def population_correlations(moments: Moments) -> np.ndarray:
    """Correlation of each feature with the target, for variables of mean zero: (d,)."""
    return moments.cross / np.sqrt(np.diagonal(moments.gram) * moments.target)


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    ax = figure.subplots()
    features = list(dict.fromkeys(data["feature"]))
    groups = list(data.groupby("environment", sort=False))
    for k, (environment, rows) in enumerate(groups):
        color, marker = LOOKS[k % len(LOOKS)]
        x = np.arange(len(features)) + 0.22 * (k - (len(groups) - 1) / 2)
        bars = np.abs(rows[["ci_low", "ci_high"]].sub(rows["mean"], axis=0)).T.to_numpy()
        label = looks.environment(str(environment))
        ax.errorbar(x, rows["mean"], yerr=bars, fmt=marker, color=color, capsize=3, label=label)
        truth = "closed form" if k == 0 else "_"
        ax.hlines(rows["closed_form"], x - 0.1, x + 0.1, color=INK, linewidth=1, label=truth)
    ax.set_xticks(range(len(features)), [feature_label(f) for f in features])
    ax.set(ylabel="correlation with ΣY", xlabel="feature")
    legend_above(figure, ax)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    worst = (data["mean"] - data["closed_form"]).abs().max()
    parts = []
    for environment, rows in data.groupby("environment", sort=False):
        values = (
            f"{feature_label(r.feature)} {r.mean:.2f}" for r in rows.rename_axis(None).itertuples()
        )
        parts.append(f"{looks.environment(str(environment))}: {', '.join(values)}")
    return (
        f"Points for each feature and test environment. Mean correlations: {'; '.join(parts)}. "
        f"No mean is further than {worst:.2g} from the closed form."
    )


def caption(data: pd.DataFrame, looks: Looks) -> str:
    return (
        f"Points: mean correlation in the rows of a test environment; bars: {level(data)}, often "
        "smaller than the marker. Short lines: the closed form."
    )
