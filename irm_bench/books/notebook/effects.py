"""φ_Z, the mean weight of the effects: what the notebook looks at first."""

from collections.abc import Sequence

import pandas as pd

from irm_bench.config import Study
from irm_bench.presentation.series import features
from irm_bench.statistics.over_seeds import over_seeds


def effects_over_seeds(models: pd.DataFrame, study: Study, keys: Sequence[str]) -> pd.DataFrame:
    """φ_Z over the seeds of each group of ``keys``."""
    effects = models[features(study).columns(causal=False)].mean(axis=1, skipna=False)
    return over_seeds(models.assign(quantity="phi_z", phi_z=effects), ["quantity", *keys], "phi_z")
