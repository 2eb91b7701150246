"""What a source says of many runs of its own, beside the same statistic of ours.

The book's ``printed.csv`` then has a column ``statistic``: of each cell of the source's table the
mean, standard deviation and median of its ``n`` runs, with the standard error of each. Ours is
computed from our runs of the same cell, with its standard error, and the two are held against each
other: the interval is of the difference, both samples being uncertain. The p values of the whole
file are adjusted together (Holm).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts load where they are first used

from irm_bench.config.layout import Layout, layout_of
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.planning.plan import TEST
from irm_bench.statistics import hypotheses
from irm_bench.statistics.streams import generator

N_RESAMPLES = 2000
LEVEL = 0.95
STATISTICS: Mapping[str, Callable[..., Any]] = {
    "mean": np.mean,
    "sd": lambda values, axis: np.std(values, axis=axis, ddof=1),
    "median": np.median,
}


def statistics_of(values: np.ndarray) -> pd.DataFrame:
    """Every statistic of values (n,) with its bootstrap standard error: statistic, value, se."""
    rng = generator(0, role="standard errors", n=len(values))
    resamples = values[rng.integers(0, len(values), size=(N_RESAMPLES, len(values)))]
    rows = []
    for name, statistic in STATISTICS.items():
        error = float(np.std(statistic(resamples, axis=1), ddof=1))
        rows.append((name, float(statistic(values, axis=0)), error))
    return pd.DataFrame(rows, columns=["statistic", "value", "standard_error"])


def compare(evidence: Evidence, printed: pd.DataFrame) -> pd.DataFrame:
    """The table ``printed``: each of the source's statistics with ours and their difference."""
    layout = layout_of(evidence.config)
    cell = [name for name in columns(layout) if name in printed]
    parts = []
    for key, rows in printed.groupby(cell, sort=False, dropna=False):
        values = _ours(evidence, layout, dict(zip(cell, key, strict=True)))
        parts.append(beside(rows, values))
    compared = pd.concat(parts).sort_index()
    known = compared["p_value"].notna()
    if known.any():
        adjusted = hypotheses.holm(compared.loc[known, "p_value"].to_numpy())
        compared.loc[known, "p_adjusted"] = adjusted
    return compared


def columns(layout: Layout) -> list[str]:
    """The columns that tell a cell of a source's table, as far as its file has them.

    An environment is told by its first parameter; without one it is the mean over the test
    environments.
    """
    options = [name for name, _ in layout.options]
    mains = [name for name, _ in layout.main_parameters]
    return ["where", "model", *options, "n_samples", "n_environments", *mains, "quantity"]


def _ours(evidence: Evidence, layout: Layout, cell: Mapping[str, Any]) -> np.ndarray:
    """Our values of a cell of the source's table, one a run; none where the results have none.

    What the loss measures is of test rows; all else is of the trained models. Where the book names
    no study for a model, it is the first one that has the cell.
    """
    printed = evidence.config.printed
    assert printed is not None  # there is a file to compare
    model = dict(printed.models)[cell["model"]]
    where = {"method": model.method, "penalty": model.penalty}
    if layout.has_selection:
        where["selection"] = model.selection
    others = ("where", "model", "quantity")
    where |= {n: value for n, value in cell.items() if n not in others and not pd.isna(value)}
    is_measured = cell["quantity"] in layout.metrics
    if is_measured:
        where["split"] = TEST
    table = "errors" if is_measured else "models"
    if not where.keys() <= set(evidence.tables[table].keys):
        return np.array([])
    if model.study:
        where["study"] = model.study
    with suppress(InsufficientError):
        rows = evidence.find(table, **where)
        of_study = rows[rows["study"] == rows["study"].iloc[0]]
        by_seed = of_study.groupby("seed")[cell["quantity"]]
        return by_seed.apply(lambda values: values.mean(skipna=False)).to_numpy(dtype=float)
    return np.array([])


def beside(rows: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Rows of a cell (``statistic``, ``printed`` …) with what our values (run,) make of each."""
    finite = values[np.isfinite(values)]
    both = rows.assign(n_seeds=len(finite), n_diverged=len(values) - len(finite))
    if len(finite) < 2:
        return both.assign(**dict.fromkeys(("ours", "difference", "p_value"), np.nan))
    ours = statistics_of(finite).set_index("statistic").loc[rows["statistic"]]
    both["ours"] = ours["value"].to_numpy()
    both["our_error"] = ours["standard_error"].to_numpy()
    both["difference"] = both["ours"] - both["printed"]
    # A difference of less than half a unit of the last digit printed is none.
    beyond = (both["difference"].abs() - both["half_unit"]).clip(lower=0)
    error = np.hypot(both["standard_error"], both["our_error"])
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(beyond > 0, beyond / error, 0.0)
    both["p_value"] = 2 * scipy.stats.norm.sf(score)
    half = scipy.stats.norm.ppf((1 + LEVEL) / 2) * error + both["half_unit"]
    both["ci_low"], both["ci_high"] = both["difference"] - half, both["difference"] + half
    both["inside"] = (both["p_value"] >= 1 - LEVEL).astype(float)
    return both
