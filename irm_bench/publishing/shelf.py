"""The first page of a site: every book with its verdicts, and methods × data across books."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from irm_bench.config import Config, ModelKey, Study
from irm_bench.presentation import numbers
from irm_bench.presentation.places import page_sources
from irm_bench.presentation.series import Looks
from irm_bench.presentation.themes import DARK_PAPER, LIGHT_PAPER, variables
from irm_bench.running.places import config_of
from irm_bench.storage import tables

VERDICTS = (
    "supported",
    "supported within a stated limit",
    "refuted in part",
    "refuted",
    "inconclusive",
)


@dataclass(frozen=True)
class Entry:
    """A book on the shelf."""

    name: str
    title: str
    source: dict[str, Any]
    verdicts: tuple[tuple[str, int], ...]
    n_models: int


@dataclass(frozen=True)
class Column:
    """The data of a study of a book: where they are told of, and what the error on them is."""

    book: str
    study: str
    metric: str
    href: str


Row = tuple[str, list[str | None]]


def render(finished: Sequence[Path]) -> str:
    """The page of books whose results are in these folders."""
    found = [(path, config_of(path)) for path in finished]
    columns, rows = _matrix(found)
    loader = jinja2.FileSystemLoader(page_sources() / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, lstrip_blocks=True
    )
    return environment.get_template("shelf.html.j2").render(
        books=[_entry(path, parsed) for path, parsed in found],
        columns=columns,
        rows=rows,
        style=Markup(_style()),
    )


def _entry(folder: Path, parsed: Config) -> Entry:
    contracts = tables.contracts(parsed)
    claims = tables.read(folder / "tables/claims.csv", contracts["claims"])
    counts = Counter(claims["verdict"].astype(str))
    models = tables.open_rows(folder / "tables/models.csv", contracts["models"])
    verdicts = tuple((verdict, counts[verdict]) for verdict in VERDICTS if counts[verdict])
    return Entry(folder.name, parsed.title, dict(parsed.source), verdicts, len(models))


def _matrix(found: Sequence[tuple[Path, Config]]) -> tuple[list[Column], list[Row]]:
    """A column for every study of every book, and of each method its errors in them."""
    columns: list[Column] = []
    errors: dict[str, dict[Column, str]] = {}
    for path, parsed in found:
        looks = Looks(parsed)
        summary = tables.read(path / "tables/summary.csv", tables.contracts(parsed)["summary"])
        for study in parsed.studies:
            column = _column(path.name, parsed, study)
            columns.append(column)
            means = _means(_of_study(summary, study.name, column.metric), study)
            for key, mean in means.items():
                label = looks.one(key.method, key.penalty).label
                errors.setdefault(label, {})[column] = numbers.significant(mean, 3)
    rows = [(label, [own.get(column) for column in columns]) for label, own in errors.items()]
    return columns, rows


def _column(book: str, parsed: Config, study: Study) -> Column:
    """A study's column; it leads to the chapter that the page of its book has on it."""
    chapters = [section.name for section in parsed.sections if section.study == study.name]
    chapter = chapters[0] if chapters else f"study-{study.name}"
    metric = str(study.loss.metadata["METRICS"][0])
    return Column(book, study.name, metric, f"{book}/index.html#{chapter}")


def _means(rows: pd.DataFrame, study: Study) -> dict[ModelKey, float]:
    """The mean of every method over its rows, where it has any."""
    means = {}
    for method in study.methods:
        is_own = (rows["method"] == method.name) & (rows["penalty"] == method.penalty)
        mean = float(rows.loc[is_own, "mean"].mean())
        if not math.isnan(mean):
            means[method.key] = mean
    return means


def _of_study(summary: pd.DataFrame, study: str, metric: str) -> pd.DataFrame:
    """The means of a metric over a study's test environments, of models that no rule chose."""
    chosen = (summary["study"] == study) & (summary["quantity"] == metric)
    chosen &= (summary["split"] == "test") & (summary["ci_method"] == "t")
    if "selection" in summary:
        chosen &= summary["selection"].isna() | (summary["selection"] == "")
    return summary[chosen]


def _style() -> str:
    light, dark = (variables([], paper) for paper in (LIGHT_PAPER, DARK_PAPER))
    own = (page_sources() / "style.css").read_text(encoding="utf-8")
    themed = f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f"{own}\n:root{{{light}}}\n{themed}\n"
