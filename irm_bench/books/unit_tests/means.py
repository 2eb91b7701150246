"""Mean test errors over seeds, ours and the shipped ones: what figures and tables are made of."""

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from irm_bench.books.unit_tests.settings import STUDIES
from irm_bench.config import Config, Study
from irm_bench.judging import printed as source
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

# Of each example: the study on three environments, that over spurious dimensions, and those over
# environments.
NAMES = re.compile(rf"({'|'.join(STUDIES.values())})(_spurious|_\d+_environments)?")
PLACE = ["example", "scramble", "dim_spurious", "n_environments"]
MODEL = ["study", "n_samples", "method", "penalty", "selection"]
KEYS = [*PLACE, *MODEL]
OURS, THEIRS = "ours", "shipped"


def studies(config: Config) -> list[Study]:
    """Those of the three examples whose hyper-parameters are drawn and chosen."""
    return [study for study in config.studies if NAMES.fullmatch(study.name) and study.selection]


def label(row: object) -> str:
    """A data set as the paper calls it, e.g. ``2s``, of a row that has example and scramble."""
    return f"{int(row.example)}{'s' * int(row.scramble)}"  # type: ignore[attr-defined]


def of_seeds(errors: Rows, study: Study) -> Iterator[pd.DataFrame]:
    """The error of every seed and chosen model, averaged over the test environments."""
    metric = study.loss.metadata["METRICS"][-1]
    n_environments = len(study.train_sets[0])
    for method in study.methods:
        for rule in study.selection:
            where = {"study": study.name, "method": method.name, "selection": rule.name}
            rows = errors.find(split="test", **where).assign(n_environments=n_environments)
            groups = rows.groupby([*KEYS, "seed"], sort=False, observed=True)[metric]
            means = groups.agg(lambda values: values.mean(skipna=False))
            yield means.rename("error").reset_index()


def ours(errors: Rows, of_studies: Iterable[Study]) -> pd.DataFrame:
    """Mean over seeds with its interval, a row each of ``KEYS``."""
    parts = []
    for study in of_studies:
        parts += [over_seeds(rows, KEYS, "error") for rows in of_seeds(errors, study)]
    if not parts:
        return pd.DataFrame()
    found = pd.concat(parts, ignore_index=True).assign(kind=OURS)
    found["data_set"] = [label(row) for row in found.itertuples()]
    return found.drop(columns=["q05", "q95"])


def shipped(config: Config, sweep: str) -> pd.DataFrame:
    """The shipped means of a sweep (``nenvs`` or ``dimspu``), each with a 95% interval."""
    table = source.numbers(config)
    if config.printed is None or table.empty:
        return pd.DataFrame()
    is_average = table["number"].isna() & (table["statistic"] == "mean")
    rows = table[is_average & (table["where"] == sweep)]
    methods = {name: model.method for name, model in config.printed.models}
    half = 1.96 * rows["standard_error"]
    found = rows[PLACE].assign(
        kind=THEIRS,
        study=f"shipped {sweep}",
        n_samples=rows["n_samples"],
        method=rows["model"].map(methods),
        penalty="",
        selection=[dict(config.printed.models)[name].selection for name in rows["model"]],
        mean=rows["printed"],
        ci_low=rows["printed"] - half,
        ci_high=rows["printed"] + half,
        n_seeds=rows["n"],
        n_diverged=0,
    )
    found["data_set"] = [label(row) for row in found.itertuples()]
    return found
