"""Renders the page: tables, figures and templates → one HTML file that needs nothing else."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from irm_bench.config import Config, Study
from irm_bench.config.layout import layout_of, set_label
from irm_bench.planning import plan
from irm_bench.plugins.registry import Book
from irm_bench.presentation.places import page_sources
from irm_bench.presentation.series import (
    TRAIN_COLUMNS,
    Cast,
    Features,
    Looks,
    cast,
    features,
)
from irm_bench.presentation.themes import DARK_PAPER, LIGHT_PAPER, variables
from irm_bench.report import bundle, citation, exhibits, filters, origin, runs, sections, views
from irm_bench.report.changes import Baseline
from irm_bench.report.chapter import Chapter
from irm_bench.report.ledger import Entry, Ledger, compare
from irm_bench.report.vocabulary import Vocabulary
from irm_bench.storage import archives, tables
from irm_bench.storage.contracts import CHECKSUM
from irm_bench.storage.paged import Rows

SOURCES = page_sources()
# One script element, in this order.
SCRIPTS = (
    "numbers",
    "svg",
    "marks",
    "explore",
    "figures",
    "runs",
    "tables",
    "cited",
    "rail",
    "print",
    "theme",
    "start",
)
# Where the package goes once its room is known; text of a table or config cannot look like this.
MANIFEST, PACKAGE = "<!--manifest-->", "<!--package-->"
# What differs from run to run stands between these; all the rest is a function of the data.
RUN_BEGINS, RUN_ENDS = "<!--run-->", "<!--/run-->"


class Named(dict[str, Any]):
    """A mapping in which what is missing is None, for the templates."""

    def __missing__(self, name: str) -> None:
        return None


@dataclass(frozen=True)
class Sources:
    """What a page is made of: a config, folders, and a former page to compare with."""

    config: Config
    tables: Path
    figures: Path
    published: Path | None = None
    baseline: Baseline | None = None

    @cached_property
    def origin(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Where the tables came from: what is the same in every run, and what is of this one."""
        return origin.collect(self.config, self.tables.parent)


class StudyView:
    """A study's first setting: who is compared, and its numbers by name."""

    def __init__(self, book: Ledger, study: Study, looks: Looks, keys: Sequence[str]):
        self.study = study
        self.cast: Cast = cast(study, looks)
        self.chapter = Chapter(book, study, looks, keys)
        self.features: Features = features(study)
        self._book = book

    @property
    def train_sigmas(self) -> str:
        """Its training set, as the tables write it."""
        return set_label(self.study.train_sets[0])

    def fact(self, name: str) -> Entry:
        """A setting of the study, from the config."""
        return self._book.value("facts", name=f"{self.study.name}.{name}")

    def summary(self, who: Any, quantity: str, **keys: Any) -> Entry:
        """The mean of a quantity of the models of ``who``, with its t interval."""
        return self.mean("summary", who, quantity, ci_method="t", **keys)

    def mean(self, table: str, who: Any, quantity: str, **keys: Any) -> Entry:
        """The mean of a quantity of the models of ``who`` in a table of summaries.

        What ``keys`` leave open is the study's first. A number that the results do not have, for
        the method was not trained or theory does not know it, has no value.
        """
        wanted = {"study": self.study.name, "method": who.method, "penalty": who.penalty}
        wanted |= {"quantity": quantity, **self._setting(who, keys), **keys}
        known = self._book.rows(table)
        return self._book.value_if(table, **{k: v for k, v in wanted.items() if k in known})

    def _setting(self, who: Any, keys: Mapping[str, Any]) -> Mapping[str, Any]:
        """The columns of the first model of ``who`` that has these keys; none if none has."""
        for setting in self._settings.get((who.method, who.penalty), ()):
            if all(setting.get(key, value) == value for key, value in keys.items()):
                return setting
        return {}

    @cached_property
    def _settings(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """What tells the study's models apart, in the order of its table, by method and penalty."""
        settings: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for cell in plan.cells_of(self.study):
            named = plan.setting_names(cell) | {"selection": ""}
            named |= dict.fromkeys(TRAIN_COLUMNS, cell.train_label)
            settings.setdefault((cell.key.method, cell.key.penalty), []).append(named)
        return settings


def write(sources: Sources, output: Path) -> None:
    """Write the page."""
    archives.write_text(output, render(sources))


def render(sources: Sources) -> str:
    """The page as text."""
    found = views.load_tables(sources.config, sources.tables)
    contracts = tables.contracts(sources.config).values()
    first = {contract.name for contract in contracts if contract.kept != CHECKSUM}
    with bundle.Press(sources.tables, list(found), first) as press:
        return with_package(without_package(sources, found), press, sources)


def without_package(sources: Sources, found: views.Tables) -> str:
    """The page but for its data."""
    config = sources.config
    shown = views.load_figures(config, sources.figures)
    looks, keys = Looks(config), tables.contracts(config)["models"].keys
    vocabulary = Vocabulary(config, looks)
    book = Ledger(frames(sources, found, shown), row_keys(config, shown), vocabulary.keys)
    chapters = sections.shown(config, book)
    fixed, run_facts = sources.origin
    context = look_ups(config, book, vocabulary) | {
        "config": config,
        "looks": looks,
        "vocabulary": vocabulary,
        "layout": layout_of(config),
        "sections": chapters,
        "groups": sections.grouped(chapters),
        "template": sections.template,
        "source": Named(config.source),
        "figures": Named(shown),
        "lead": next((name for name in (*config.lead, *shown) if name in shown), None),
        "studies": Named(
            {study.name: StudyView(book, study, looks, keys) for study in config.studies}
        ),
        "style": Markup(stylesheet(shown)),
        "script": Markup(script(config.book)),
        "script_hash": hash_of(script(config.book)),
        "cite": citation.load(),
        "origin": fixed,
        "run": run_facts,
        "baseline": sources.baseline,
    }
    return numbered(environment(config.book).get_template("page.html.j2").render(context))


def numbered(page: str) -> str:
    """The page with its figures and tables numbered, each kind in its order.

    Not by counters of the stylesheet: they start anew in every part that is laid out by itself.
    """
    counts = {"figcaption": 0, "caption": 0}

    def number(match: re.Match[str]) -> str:
        counts[match[1]] += 1
        kind = "Figure" if match[1] == "figcaption" else "Table"
        return f"{match[0]}{kind} {counts[match[1]]}. "

    return re.sub(r"<(figcaption|caption)>(?:(?!</\1>).)*?<strong>", number, page, flags=re.DOTALL)


def frames(
    sources: Sources, tables: views.Tables, shown: Mapping[str, views.FigureView]
) -> dict[str, Any]:
    """Every table that the page cites by name: of the results, of the figures, and derived ones."""
    config = sources.config
    held = {name: table for name, table in tables.items() if not isinstance(table, Rows)}
    made = held | exhibits.build(tables, config)
    build = getattr(config.book.module("exhibits"), "build", None)
    if build is not None:
        made |= build(tables, config)
    if sources.baseline:
        made |= sources.baseline.tables(held, list(tables))
    made |= exhibits.compared(sources.tables, sources.published, config)
    return made | {f"figures/{name}": view.data for name, view in shown.items()}


def row_keys(config: Config, shown: Mapping[str, views.FigureView]) -> dict[str, Sequence[str]]:
    """The columns that tell rows apart, of tables, of exhibits, and of figures that say so."""
    contracts = tables.contracts(config).values()
    keys: dict[str, Sequence[str]] = {contract.name: contract.row_keys for contract in contracts}
    keys |= exhibits.ROW_KEYS
    keys |= getattr(config.book.module("exhibits"), "ROW_KEYS", {})
    return keys | {f"figures/{name}": view.row_keys for name, view in shown.items()}


def with_package(page: str, press: bundle.Press, sources: Sources) -> str:
    """The page with its data in it: as many tables as its size allows, and the list of all."""
    fixed, _ = sources.origin
    about = {"title": sources.config.title, "provenance": fixed}
    length = len(without_run(page).encode()) + len(bundle.as_json([], about).encode())
    items = press.pack(bundle.LIMIT - bundle.RESERVE - length)
    rules = {Path(path).stem: f["rule"] for path, f in fixed["files"].items()}
    manifest = (
        environment(sources.config.book)
        .get_template("manifest.html.j2")
        .render(items=items, rules=rules)
    )
    page = page.replace(MANIFEST, manifest, 1)
    return page.replace(PACKAGE, bundle.as_json(items, about), 1)


def without_run(page: str) -> str:
    """The page less what differs between two runs of the same config: when, where and how long."""
    return re.sub(f"{RUN_BEGINS}.*?{RUN_ENDS}", "", page, flags=re.DOTALL)


def stylesheet(shown: Mapping[str, views.FigureView]) -> str:
    """The stylesheet, with the figures' colours made readable on light and on dark paper."""
    svgs = [view.svg for view in shown.values()]
    light, dark = (variables(svgs, paper) for paper in (LIGHT_PAPER, DARK_PAPER))
    own = (SOURCES / "style.css").read_text(encoding="utf-8")
    return (
        f"{own}\n:root{{{light}}}\n@media screen and (prefers-color-scheme:dark)"
        f'{{:root:not([data-theme="light"]){{{dark}}}}}\n'
        f'@media screen{{:root[data-theme="dark"]{{{dark}}}}}\n'
    )


def script(book: Book) -> str:
    """The page's script and the book's own, strict, in a scope of their own."""
    *shared, start = (SOURCES / "scripts" / f"{name}.js" for name in SCRIPTS)
    paths = [*shared, *sorted((book.folder / "scripts").glob("*.js")), start]
    parts = [path.read_text(encoding="utf-8") for path in paths]
    lines = [line for part in parts for line in part.splitlines() if "module.exports" not in line]
    return "(() => {\n" + "\n".join(lines) + "\n})();"


def hash_of(text: str) -> str:
    """What the page's policy calls its script by: no other one is run."""
    digest = hashlib.sha256(f"\n{text}\n".encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def environment(book: Book) -> jinja2.Environment:
    """Jinja with autoescape and the page's filters; a book's templates are found first."""
    folders = (book.folder / "sections", SOURCES / "templates", SOURCES / "templates/sections")
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        lstrip_blocks=True,
    )
    jinja.filters.update(filters.FILTERS, json=_json)
    extra = book.module("exhibits")
    jinja.filters.update(getattr(extra, "FILTERS", {}))
    return jinja


def look_ups(config: Config, book: Ledger, vocabulary: Vocabulary) -> dict[str, Any]:
    """What the templates look numbers up with."""
    return {
        "book": book,
        "value": book.value_if,  # what a config has no results for is no fault of a template
        "value_at": book.value_at,
        "rows": book.rows,
        "compare": compare,
        "pair_of_runs": runs.pair,
        "claims_of": sections.claims_of(config, book),
        "claim_link": filters.claim_links(book, vocabulary.text),
    }


def _json(value: Any) -> Markup:
    """JSON for a script element or an attribute in double quotes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    for character in "<>&'\"":
        if character != '"':
            text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
