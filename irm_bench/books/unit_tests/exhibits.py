"""Tables that the page of this book shows and no file holds."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from irm_bench.books.unit_tests import limits, means
from irm_bench.config import Config

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]
# The columns that tell the rows of an exhibit apart.
ROW_KEYS = {
    "test_errors": ("data_set", *means.KEYS),
    "sizes": ("study",),
    "limits": tuple(limits.KEYS),
}


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    errors = means.ours(tables["errors"], means.studies(config))
    if errors.empty:
        return {}
    found = {"test_errors": errors, "sizes": sizes(config), "limits": limits.table(config)}
    found |= costs(config)
    return {name: frame for name, frame in found.items() if not frame.empty}


def sizes(config: Config) -> pd.DataFrame:
    """How many seeds, draws, rows and updates each study has, and how many models are trained."""
    rows = []
    for study in means.studies(config):
        n_candidates = [max(1, len(method.tuned)) for method in study.methods]
        rows.append(
            {
                "study": study.name,
                "n_environments": len(study.train_sets[0]),
                "n_samples": study.n_samples[0],
                "n_seeds": len(study.seeds),
                "n_draws": max(n_candidates),
                "n_models": sum(n_candidates) * len(study.models) * len(study.seeds),
            }
        )
    return pd.DataFrame(rows)


def costs(config: Config) -> dict[str, pd.DataFrame]:
    """What ``benchmarks/unit_tests.py --write`` measured, and its sums; none without its file."""
    path = config.book.file("cost.csv")
    if path is None:
        return {}
    cost = pd.read_csv(path)
    sums = cost[["n_runs", "loop_core_hours", "irm_bench_core_hours"]].sum()
    least = cost.groupby("loss")["ratio"].min().add_prefix("least_ratio_")
    both = pd.concat([sums, least]).rename_axis("name").reset_index(name="value")
    return {"cost": cost, "costs": both}
