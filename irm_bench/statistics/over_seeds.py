"""Summaries over seeds of what results/tables/summary.csv does not hold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from irm_bench.statistics.intervals import t_intervals

COLUMNS = ("n_seeds", "n_diverged", "mean", "sd", "ci_low", "ci_high", "q05", "q95")


def over_seeds(frame: pd.DataFrame, keys: Sequence[str], column: str) -> pd.DataFrame:
    """Mean of ``column`` over the rows of each group of ``keys``, one row a seed.

    Adds ``COLUMNS``: the 95% t interval of the mean, and the 5% and 95% quantiles. Values that are
    not finite are counted in n_diverged and left out.
    """
    groups = frame.groupby(list(keys), sort=False, dropna=False)[column]
    found = [(_as_tuple(key), values.to_numpy(dtype=float)) for key, values in groups]
    finite = [values[np.isfinite(values)] for _, values in found]
    heads = [(*key, len(f), len(v) - len(f)) for (key, v), f in zip(found, finite, strict=True)]
    rows = [(*head, *row) for head, row in zip(heads, _statistics(finite), strict=True)]
    return pd.DataFrame(rows, columns=[*keys, *COLUMNS])


def _as_tuple(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _statistics(groups: Sequence[np.ndarray]) -> list[list[float]]:
    """Mean, sd, bounds and quantiles of each group; groups of equal size are computed together."""
    sizes = np.array([len(values) for values in groups], dtype=int)
    found = np.full((len(groups), 6), np.nan)
    for size in np.unique(sizes[sizes > 0]):
        equal = np.flatnonzero(sizes == size)
        matrix = np.stack([groups[i] for i in equal.tolist()])
        mean, low, high = t_intervals(matrix)
        sd = matrix.std(axis=1, ddof=1) if size > 1 else np.full(len(equal), np.nan)
        q05, q95 = np.quantile(matrix, [0.05, 0.95], axis=1)
        found[equal] = np.stack([mean, sd, low, high, q05, q95], axis=1)
    return found.tolist()
