"""Renders the page: tables, figures and templates → one HTML file that needs nothing else."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from irm_bench import registry, store, tables
from irm_bench.config import Config, Study
from irm_bench.report import drawing, exhibits, filters
from irm_bench.report.book import Book, Entry, compare
from irm_bench.report.series import Cast, Features, cast, features, find_study, train_label
from irm_bench.report.themes import themed

SOURCES = Path(__file__).parents[2] / "report"


@dataclass(frozen=True)
class Section:
    """A chapter of the page: its template, its heading, and the study or table that it needs."""

    name: str
    title: str
    study: str = ""
    table: str = ""

    @property
    def template(self) -> str:
        return f"sections/{self.name}.html.j2"


SECTIONS = (
    Section("data", "Motivation and data", "notebook"),
    Section("environments", "Different environments", "notebook"),
    Section("penalty", "The IRM penalty", "notebook"),
    Section("training", "Training", "notebook"),
    Section("comparison", "IRM and standard learning", "notebook"),
    Section("ideal", "Ideal performance", "notebook"),
    Section("where", "Where does IRM help?", "sigma_grid"),
    Section("learning_rate", "When training diverges", "sigma_grid_fixed_rate"),
    Section("error_weight", "The weight of the error", "error_weight"),
    Section("sample_size", "How many rows?", "sample_size"),
    Section("z_mechanism", "When Z itself changes", "z_mechanism"),
    Section("conclusions", "What the notebook concludes", "notebook"),
    Section("claims", "Claim by claim", table="claims"),
    Section("methods", "Methods and statistics"),
    Section("sources", "Where every number comes from"),
)


# Tables without which there is no page.
RESULTS = (
    *("models", "errors", "summary", "trajectories", "trajectory_summary"),
    *("environments", "histograms"),
)
# The figure of the first screen: the first of these that there is.
LEADS = ("risk_over_sigma", "errors_by_environment", "histograms")


class Named(dict[str, Any]):
    """A mapping in which what is missing is None, for the templates."""

    def __missing__(self, name: str) -> None:
        return None


@dataclass(frozen=True)
class FigureView:
    """A drawn figure, ready for the page."""

    name: str
    section: str
    title: str
    caption: str
    svg: Markup
    csv: str


class Setting:
    """A study's first setting: who is compared, and its numbers by name."""

    def __init__(self, book: Book, study: Study):
        self.study = study
        self.cast: Cast = cast(study)
        self.features: Features = features(study)
        self._book = book

    def fact(self, name: str) -> Entry:
        """A setting of the study, from the config."""
        return self._book.value("facts", name=f"{self.study.name}.{name}")

    def summary(self, who: Any, quantity: str, **keys: Any) -> Entry:
        """The mean of a quantity of the models of ``who``, with its t interval."""
        where = {
            "study": self.study.name,
            "n_samples": self.study.n_samples[0],
            "train_sigmas": train_label(self.study.train_sets[0]),
            "error_weight": self.study.error_weights[0] if who.penalty else None,
            "ci_method": "t",
            **keys,
        }
        return self._book.value(
            "summary", method=who.method, penalty=who.penalty, quantity=quantity, **where
        )


def run(config: Config, folder: Path, output: Path, figures: Path | None = None) -> None:
    """Write the page."""
    if figures is None:
        with tempfile.TemporaryDirectory() as temporary:
            for name in drawing.shown(config):
                drawing.run(config, name, folder, temporary)
            return run(config, folder, output, Path(temporary))
    store.write_text(output, render(config, folder, figures))


def render(config: Config, folder: Path, figures: Path) -> str:
    """The page as text."""
    found = load_tables(config, folder)
    views = Named({view.name: view for view in load_figures(config, figures)})
    frames = found | exhibits.build(found, config)
    frames |= {f"figures/{name}": _figure_data(view, figures) for name, view in views.items()}
    book = Book(frames)
    template = environment(book).get_template("page.html.j2")
    return template.render(
        config=config,
        sections=sections(config, book),
        figures=views,
        lead=next((name for name in LEADS if views[name]), None),
        studies=Named({study.name: Setting(book, study) for study in config.studies}),
        style=Markup((SOURCES / "style.css").read_text(encoding="utf-8")),
    )


def sections(config: Config, book: Book) -> list[Section]:
    """The sections whose study the config has and whose table is there, with rows."""
    return [
        section
        for section in SECTIONS
        if (not section.study or find_study(config, section.study))
        and (not section.table or (section.table in book and len(book.rows(section.table))))
    ]


def load_tables(config: Config, folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of the results, and of those that judge them the ones that are there.

    Raises:
        TableError: one that is missing, or not as it was written.
    """
    names = tables.contracts(config)
    wanted = [n for n in names if n in RESULTS or (folder / f"{n}.csv").exists()]
    return drawing.read(config, folder, wanted)


def load_figures(config: Config, folder: Path) -> list[FigureView]:
    """The figures of the config that have something to show."""
    views = []
    for name in drawing.shown(config):
        path = drawing.paths(folder, name)
        words = json.loads(path["json"].read_text(encoding="utf-8"))
        if not words["empty"]:
            views.append(
                FigureView(
                    name=name,
                    section=registry.metadata("figures", name)["SECTION"],
                    title=words["title"],
                    caption=words["caption"],
                    svg=Markup(themed(path["svg"].read_text(encoding="utf-8"))),
                    csv=path["csv"].read_text(encoding="utf-8"),
                )
            )
    return views


def _figure_data(view: FigureView, folder: Path) -> pd.DataFrame:
    path = drawing.paths(folder, view.name)["csv"]
    texts = dict.fromkeys(("method", "penalty", "train_sigmas", "environment"), str)
    frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    numeric = {
        c: pd.to_numeric(frame[c].replace("", None))
        for c in frame
        if c not in texts and _is_number(frame[c])
    }
    return frame.assign(**numeric)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.to_numeric(column.replace("", None), errors="coerce").notna().any())


def environment(book: Book) -> jinja2.Environment:
    """Jinja with autoescape, the page's filters, and ``value`` to look numbers up."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SOURCES / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        lstrip_blocks=True,
    )
    found.filters.update(filters.FILTERS)
    found.globals.update(value=book.value, value_at=book.value_at, rows=book.rows)
    found.globals.update(book=book, compare=compare)
    return found
