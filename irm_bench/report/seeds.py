"""Summaries over seeds of what results/tables/summary.csv does not hold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from irm_bench.config import Study
from irm_bench.intervals import t_intervals
from irm_bench.report.series import features

COLUMNS = ("n_seeds", "n_diverged", "mean", "sd", "ci_low", "ci_high", "q05", "q95")


def over_seeds(frame: pd.DataFrame, keys: Sequence[str], column: str) -> pd.DataFrame:
    """Mean of ``column`` over the rows of each group of ``keys``, one row a seed.

    Adds ``COLUMNS``: the 95% t interval of the mean, and the 5% and 95% quantiles. Values that are
    not finite are counted in n_diverged and left out.
    """
    groups = frame.groupby(list(keys), sort=False, dropna=False)[column]
    rows = [(*_as_tuple(key), *_statistics(values.to_numpy(dtype=float))) for key, values in groups]
    return pd.DataFrame(rows, columns=[*keys, *COLUMNS])


def effects_over_seeds(models: pd.DataFrame, study: Study, keys: Sequence[str]) -> pd.DataFrame:
    """φ_Z, the mean weight of the effects, over the seeds of each group of ``keys``."""
    effects = models[features(study).columns(causal=False)].mean(axis=1, skipna=False)
    return over_seeds(models.assign(quantity="phi_z", phi_z=effects), ["quantity", *keys], "phi_z")


def _as_tuple(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _statistics(values: np.ndarray) -> tuple[float, ...]:
    finite = values[np.isfinite(values)]
    counts = (len(finite), len(values) - len(finite))
    if not len(finite):
        return (*counts, *[np.nan] * 6)
    mean, low, high = (float(bound[0]) for bound in t_intervals(finite[None]))
    sd = float(finite.std(ddof=1)) if len(finite) > 1 else np.nan
    q05, q95 = (float(q) for q in np.quantile(finite, [0.05, 0.95]))
    return (*counts, mean, sd, low, high, q05, q95)
