"""What is known exactly of the studies that the page itself writes a chapter for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Study
from irm_bench.planning import exact
from irm_bench.plugins.model import Model
from irm_bench.report.sections import untold
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]


def floors(tables: Tables, config: Config) -> pd.DataFrame:
    """Noise floors over seeds, by study, structure and test environment; where they are known."""
    found = []
    for study in untold(config):
        for model in study.models:
            rows = _test_rows(tables["environments"], study, model)
            rows = rows[rows["optimum"].notna()]
            if len(rows):
                keys = [*model.option, "environment"]
                summary = over_seeds(rows, keys, "optimum")
                found.append(summary.assign(study=study.name))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _test_rows(environments: Rows, study: Study, model: Model) -> pd.DataFrame:
    """The rows that describe a study's test data."""
    where = {"sem": model.sem.name, **model.option, "split": "test"}
    where |= {"n_samples": study.n_test_samples, "sampling": study.sampling}
    labels = [environment.label for environment in study.test_environments]
    rows = environments.find(**where)
    return rows[rows["seed"].isin(study.seeds) & rows["environment"].isin(labels)]


def oracles(tables: Tables, config: Config) -> pd.DataFrame:
    """The oracle φ of studies without an oracle among their methods; the same for every seed."""
    rows: list[dict[str, Any]] = []
    for study in untold(config):
        if any(method.is_control for method in study.methods):
            continue
        for model in study.models:
            phi = model.causal(model.option) if model.is_fixed else None
            for j, weight in enumerate([] if phi is None else phi):
                where = {"study": study.name, **model.option, "quantity": f"phi_{j + 1}"}
                rows.append(where | {"value": float(weight)})
    return pd.DataFrame(rows)


def distances(tables: Tables, config: Config) -> pd.DataFrame:
    """‖φ − oracle‖ of every model over seeds, of studies whose SEM knows its oracle."""
    models, found = tables["models"], []
    for study in untold(config):
        for model in study.models:
            if not model.has("causal_solution"):
                continue
            pieces = models.select(study=study.name, **model.option)
            for batch in models.batches(models.keys, pieces):
                batch = batch.assign(distance=_distance(config, model, batch))
                found.append(over_seeds(batch, models.keys, "distance"))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _distance(config: Config, model: Model, models: pd.DataFrame) -> np.ndarray:
    phi = models[[f"phi_{j + 1}" for j in range(model.n_features)]].to_numpy(dtype=float)
    causal = exact.causal_of_seeds(model, config.root_seed, models["seed"].to_numpy())
    assert causal is not None
    return np.linalg.norm(phi - causal, axis=1)
