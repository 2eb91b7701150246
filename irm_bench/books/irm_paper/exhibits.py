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
    "roundings": ("setting",),
    "singular": ("study",),
}


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    errors = errors_of_weights(tables, config)
    if errors.empty:
        return {}
    return {
        "errors_of_weights": errors,
        "best_weights": best_weights(errors),
        "roundings": roundings(tables, config),
        "singular": singular(tables, config),
    }


def errors_of_weights(tables: Tables, config: Config) -> pd.DataFrame:
    """Mean over seeds of the error over all weights, of every model: the mean of both halves."""
    by_study = list(_by_study(tables, config))
    if not by_study:
        return pd.DataFrame()
    errors = pd.concat(by_study, ignore_index=True)
    errors["setting"] = [letters(row) for row in errors.itertuples()]
    errors["words"] = [words(row) for row in errors.itertuples()]
    return errors[["setting", "words", *MODEL, *STATISTICS]]


def _by_study(tables: Tables, config: Config) -> Iterator[pd.DataFrame]:
    for study in config.studies:
        if find_study(config, study.name) is None or study.sem != "chain":
            continue
        yield over_seeds(_with_error(tables, study.name), [*SETTING, *MODEL], "error")


def _with_error(tables: Tables, study: str) -> pd.DataFrame:
    """The models of a study, with the error over all weights: the mean of both halves."""
    rows = tables["models"].find(study=study)
    return rows.assign(error=(rows["causal_error"] + rows["noncausal_error"]) / 2)


def best_weights(errors: pd.DataFrame) -> pd.DataFrame:
    """Of the weights of every model that is tuned, the one with the least mean error."""
    tuned = errors[(errors["selection"] == "") & errors["error_weight"].notna()]
    least = tuned.groupby(["setting", "study", "method"], sort=False)["mean"].idxmin()
    return tuned.loc[least].reset_index(drop=True)


def roundings(tables: Tables, config: Config) -> pd.DataFrame:
    """How far apart the same models end in single and in double precision, setting by setting.

    Of all weights of the error and all seeds that both studies have: the error over all weights in
    double precision, and by how much it is another one in single precision, on average and at most.
    """
    if not {"irm", "double"} <= {study.name for study in config.studies}:
        return pd.DataFrame()
    keys = [*SETTING, "error_weight", "seed"]
    single, double = _with_error(tables, "irm"), _with_error(tables, "double")
    single = single[single["selection"] == ""].rename(columns={"error": "error_single"})
    both = double[[*keys, "error"]].merge(single[[*keys, "error_single"]], on=keys)
    both["change"] = (both["error"] - both["error_single"]).abs()
    both["setting"] = [letters(row) for row in both.itertuples()]
    groups = both.groupby("setting", sort=False)
    return groups.agg(
        n_models=("error", "size"),
        error=("error", "mean"),
        mean_change=("change", "mean"),
        largest_change=("change", "max"),
    ).reset_index()


def singular(tables: Tables, config: Config) -> pd.DataFrame:
    """How many of ERM's regressions had fewer independent columns than features."""
    rows = []
    for study in config.studies:
        if "erm" in [method.name for method in study.methods] and study.sem == "chain":
            models = tables["models"].find(study=study.name, method="erm")
            lacking = models["rank"] < study.model.n_features
            rows.append((study.name, int(lacking.sum()), len(models)))
    return pd.DataFrame(rows, columns=["study", "n_singular", "n_models"])
