"""Single runs beside each other and beside the mean over seeds: the data of the chapter and its
table as it stands without scripts (``report/scripts/runs.js`` shows any two)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Study
from irm_bench.config.layout import layout_of
from irm_bench.presentation import numbers
from irm_bench.presentation.series import Looks, matches
from irm_bench.storage.contracts import METRICS
from irm_bench.storage.paged import Rows

# What the page has room for: so many runs of a model in an environment, of the first studies.
MOST_VALUES = 3000
KEYS = ["study", "metric", "environment", "model"]


@dataclass(frozen=True)
class Line:
    """A model in an environment, in words: two runs, and all of them."""

    environment: str
    model: str
    first: str
    second: str
    difference: str
    mean: str
    least: str
    most: str
    n_lower: str


@dataclass(frozen=True)
class Pair:
    """The table of two runs of a study: what it is of, the names of the runs, its lines."""

    study: str
    metric: str
    first: str
    second: str
    lines: tuple[Line, ...]


def table(errors: Rows, config: Config) -> pd.DataFrame:
    """Test errors of single runs: ``KEYS`` in words, and a column a seed, named by it.

    Of each study, every method's first setting in the order of ``errors``, which is also the first
    choice of a rule where rules choose. A run that diverged has no value, and a seed all of whose
    runs did has no column. Studies are left out that have one seed, or for whose runs there is no
    room.
    """
    studies: list[pd.DataFrame] = []
    n_values = 0
    # with more seeds than there is room for not even one run a seed of a single model has any
    for study in (study for study in config.studies if len(study.seeds) <= MOST_VALUES):
        of_study = _of_study(errors, study, config).dropna(axis="columns", how="all")
        n_seeds = len(seeds_of(of_study))
        if n_seeds > 1 and n_values + len(of_study) * n_seeds <= MOST_VALUES:
            n_values += len(of_study) * n_seeds
            studies.append(of_study)
    if not studies:
        return pd.DataFrame()
    runs = pd.concat(studies, ignore_index=True)
    return runs[[*KEYS, *sorted(seeds_of(runs), key=int)]]


def _of_study(errors: Rows, study: Study, config: Config) -> pd.DataFrame:
    """The runs of a study, environment by environment, its methods in their order."""
    looks, parameters = Looks(config), layout_of(config).parameters
    of_environments = {"split", "environment", *(name for name, _ in parameters)}
    settings = [key for key in errors.keys if key not in of_environments]
    metric = str(study.loss.metadata["METRICS"][0])
    pieces = errors.select(study=study.name)
    pieces = pieces[pieces["split"] == "test"]
    lines_of: dict[str, list[dict[str, Any]]] = {e.label: [] for e in study.test_environments}
    for method in study.methods:
        series = looks.one(method.name, method.penalty)
        own = series.rows(pieces)
        if own.empty:
            continue
        first = own[matches(own, dict(own.iloc[0][settings]))]
        for label, rows in errors.read(first).groupby("environment", sort=False, observed=True):
            line: dict[str, Any] = {"study": study.name, "metric": METRICS.get(metric, metric)}
            line["model"] = series.label
            line["environment"] = looks.environment(str(label))
            for seed, value in zip(rows["seed"], rows[metric], strict=True):
                line[str(seed)] = rounded(value)
            lines_of[str(label)].append(line)
    lines = [line for of_environment in lines_of.values() for line in of_environment]
    return pd.DataFrame(lines) if lines else pd.DataFrame(columns=KEYS)


def rounded(value: float) -> float:
    """As the page's CSV writes it, so that page and script compute from the same numbers."""
    return float(f"{value:.7g}")


def pair(frame: pd.DataFrame) -> Pair:
    """The first study's first two seeds beside each other."""
    own = frame[frame["study"] == frame["study"].iloc[0]].dropna(axis="columns", how="all")
    first, second = seeds_of(own)[:2]
    return Pair(
        study=str(own["study"].iloc[0]).replace("_", " "),
        metric=str(own["metric"].iloc[0]),
        first=f"seed {first}",
        second=f"seed {second}",
        lines=tuple(_lines(own, first, second)),
    )


def _lines(own: pd.DataFrame, first: str, second: str) -> Iterator[Line]:
    for _, row in own.iterrows():
        values = row[seeds_of(own)].to_numpy(dtype=float)
        good = values[np.isfinite(values)]
        n_lower = int((good < row[first]).sum())
        yield Line(
            environment=str(row["environment"]),
            model=str(row["model"]),
            first=words(row[first]),
            second=words(row[second]),
            difference=words(row[first] - row[second], 3),
            mean=words(good.mean() if len(good) else np.nan),
            least=words(good.min() if len(good) else np.nan),
            most=words(good.max() if len(good) else np.nan),
            n_lower=f"{n_lower} of {len(good)}" if np.isfinite(row[first]) else "",
        )


def seeds_of(frame: pd.DataFrame) -> list[str]:
    """The columns of runs, each named by its seed."""
    return [str(name) for name in frame.columns if name not in KEYS]


def words(value: float, digits: int = 4) -> str:
    """A number for people; a word where a run diverged."""
    return numbers.significant(value, digits) if np.isfinite(value) else "diverged"
