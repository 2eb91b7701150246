"""The first page of a site: every book with its verdicts, and methods × data across books."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from irm_bench.config import Config
from irm_bench.presentation import numbers
from irm_bench.presentation.places import page_sources
from irm_bench.presentation.series import Looks
from irm_bench.presentation.themes import DARK_PAPER, LIGHT_PAPER, variables
from irm_bench.running.places import config_of
from irm_bench.storage import tables

VERDICTS = ("supported", "supported within a stated limit", "refuted", "inconclusive")


@dataclass(frozen=True)
class Entry:
    """A book on the shelf."""

    name: str
    title: str
    source: dict[str, Any]
    verdicts: tuple[tuple[str, int], ...]
    n_models: int


@dataclass(frozen=True)
class Cell:
    """The mean test error of a method on a study's data, over its test environments and seeds."""

    text: str
    href: str


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


def _matrix(
    found: Sequence[tuple[Path, Config]],
) -> tuple[list[tuple[str, str]], list[tuple[str, list[Cell | None]]]]:
    """Columns (book, study), and of each method its cells: mean test errors with a link."""
    columns: list[tuple[str, str]] = []
    cells: dict[str, dict[tuple[str, str], Cell]] = {}
    for path, parsed in found:
        looks = Looks(parsed)
        contract = tables.contracts(parsed)["summary"]
        summary = tables.read(path / "tables/summary.csv", contract)
        for study in parsed.studies:
            column = (path.name, study.name)
            columns.append(column)
            metric = str(study.loss.metadata["METRICS"][0])
            chosen = _of_study(summary, study.name, metric)
            for method in study.methods:
                label = looks.one(method.name, method.penalty).label
                mine = chosen["method"] == method.name
                mean = chosen[mine & (chosen["penalty"] == method.penalty)]["mean"].mean()
                if not pd.isna(mean):
                    text = numbers.significant(float(mean), 3)
                    cells.setdefault(label, {})[column] = Cell(text, f"{path.name}/index.html")
    rows = [(label, [own.get(column) for column in columns]) for label, own in cells.items()]
    return columns, rows


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
