"""Tables that the page of this book shows and no file holds."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from irm_bench.books.irm_paper.labels import letters, words
from irm_bench.config import Config
from irm_bench.presentation.series import find_study
from irm_bench.statistics.over_seeds import over_seeds

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]
SETTING = ["hidden", "hetero", "scramble"]
MODEL = ["study", "method", "penalty", "selection", "error_weight"]
STATISTICS = ["n_seeds", "n_diverged", "mean", "sd", "ci_low", "ci_high"]
# The columns that tell the rows of an exhibit apart.
ROW_KEYS = {
    "errors_of_weights": ("setting", *MODEL),
    "best_weights": ("setting", "study", "method"),
    "singular": ("study",),
}


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    errors = errors_of_weights(tables, config)
    if errors.empty:
        return {}
    found = {"errors_of_weights": errors, "best_weights": best_weights(errors)}
    return found | {"singular": singular(tables, config)}


def errors_of_weights(tables: Tables, config: Config) -> pd.DataFrame:
    """Mean over seeds of the error over all weights, of every model: the mean of both halves."""
    parts = list(_by_study(tables, config))
    if not parts:
        return pd.DataFrame()
    found = pd.concat(parts, ignore_index=True)
    found["setting"] = [letters(row) for row in found.itertuples()]
    found["words"] = [words(row) for row in found.itertuples()]
    return found[["setting", "words", *MODEL, *STATISTICS]]


def _by_study(tables: Tables, config: Config) -> Iterator[pd.DataFrame]:
    for study in config.studies:
        if find_study(config, study.name) is None or study.sem != "chain":
            continue
        rows = tables["models"].find(study=study.name)
        error = (rows["causal_error"] + rows["noncausal_error"]) / 2
        yield over_seeds(rows.assign(error=error), [*SETTING, *MODEL], "error")


def best_weights(errors: pd.DataFrame) -> pd.DataFrame:
    """Of the weights of every model that is tuned, the one with the least mean error."""
    tuned = errors[(errors["selection"] == "") & errors["error_weight"].notna()]
    least = tuned.groupby(["setting", "study", "method"], sort=False)["mean"].idxmin()
    return tuned.loc[least].reset_index(drop=True)


def singular(tables: Tables, config: Config) -> pd.DataFrame:
    """How many of ERM's regressions had fewer independent columns than features."""
    rows = []
    for study in config.studies:
        if "erm" in [method.name for method in study.methods] and study.sem == "chain":
            found = tables["models"].find(study=study.name, method="erm")
            lacking = found["rank"] < study.model.n_features
            rows.append((study.name, int(lacking.sum()), len(found)))
    return pd.DataFrame(rows, columns=["study", "n_singular", "n_models"])
