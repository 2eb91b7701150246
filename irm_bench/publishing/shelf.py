"""The first page of a site: every book with question, answer, verdicts and cost; data × methods
across books; all claims, to be searched; and the feed of versions."""

import html
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from irm_bench.config import Config, ModelKey, Study
from irm_bench.presentation import numbers
from irm_bench.presentation.places import page_sources, project_file
from irm_bench.presentation.prose import curly
from irm_bench.presentation.series import Looks
from irm_bench.report import citation, filters, page
from irm_bench.report.vocabulary import Vocabulary
from irm_bench.running.places import config_of
from irm_bench.storage import tables

# Of the page's scripts, those that the shelf needs, and its own.
SCRIPTS = ("numbers", "explore", "tables", "theme", "print", "shelf")
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
    question: str
    answer: str
    verdicts: tuple[tuple[str, int], ...]
    n_models: int
    seconds: float | None


@dataclass(frozen=True)
class Claim:
    """A claim of a book, in words, with the place of its evidence."""

    book: str
    title: str
    verdict: str
    sentence: str
    href: str


@dataclass(frozen=True)
class StudyErrors:
    """The data of a study of a book: where they are told of, and each method's error on them.

    ``errors`` are by the method's label; a method that the study lacks is not there.
    """

    book: str
    study: str
    metric: str
    href: str
    errors: Mapping[str, str]


def render(finished: Sequence[Path]) -> str:
    """The page of books whose results are in these folders."""
    books = [(path, config_of(path)) for path in finished]
    studies = [row for path, parsed in books for row in _study_errors(path, parsed)]
    code = script()
    text = (
        _environment()
        .get_template("shelf.html.j2")
        .render(
            books=[_entry(path, parsed) for path, parsed in books],
            claims=[claim for path, parsed in books for claim in _claims(path, parsed)],
            studies=studies,
            methods=list(dict.fromkeys(label for row in studies for label in row.errors)),
            style=Markup(page.stylesheet({})),
            script=Markup(code),
            script_hash=page.hash_of(code),
            has_feed=bool(versions()),
        )
    )
    return page.numbered(text)


def _environment() -> jinja2.Environment:
    """Jinja with what the first page and the header need."""
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(page_sources() / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(duration=filters.duration, slug=filters.slug)
    return jinja


def script() -> str:
    """What searches the claims and sorts the tables; the page reads without."""
    folder = page_sources() / "scripts"
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    lines = [line for part in parts for line in part.splitlines() if "module.exports" not in line]
    return "(() => {\n" + "\n".join(lines) + "\n})();"


def header(name: str, names: Sequence[str]) -> str:
    """The header of a site of the books ``names``, for the page of ``name``, as HTML."""
    module: Any = _environment().get_template("site.html.j2").module
    return str(module.header("../", names, name, bool(versions())))


@dataclass(frozen=True)
class Version:
    """A version of the project, as the change log tells of it."""

    number: str
    date: str
    lines: tuple[str, ...]


def versions() -> list[Version]:
    """The released versions of the change log, the newest first; before any, the one to cite."""
    path, cited = project_file("CHANGELOG.md"), citation.load()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    releases = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        named = re.match(r"\[?([\w.]+)\]?\s+[-–—]\s+(\d{4}-\d\d-\d\d)", head)
        if named:
            items = re.findall(r"^- (.+(?:\n  .+)*)", body, flags=re.MULTILINE)
            lines = tuple(" ".join(item.split()) for item in items)
            releases.append(Version(named[1], named[2], lines))
    if not releases and cited:
        releases.append(Version(cited.version, cited.date, (cited.abstract,)))
    return releases


def feed() -> str:
    """The versions as an Atom feed."""
    return _environment().get_template("feed.xml.j2").render(versions=versions())


def _entry(folder: Path, parsed: Config) -> Entry:
    contracts = tables.contracts(parsed)
    claims = tables.read(folder / "tables/claims.csv", contracts["claims"])
    counts = Counter(claims["verdict"].astype(str))
    models = tables.open_rows(folder / "tables/models.csv", contracts["models"])
    told = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    text = (folder / "report.html").read_text(encoding="utf-8")
    return Entry(
        name=folder.name,
        title=curly(parsed.title),
        source=dict(parsed.source),
        question=_words_of(text, r'<h2 id="h-answer">(.*?)</h2>'),
        answer=_words_of(text, r'<strong id="in-short">(.*?)</strong>'),
        verdicts=tuple((verdict, counts[verdict]) for verdict in VERDICTS if counts[verdict]),
        n_models=len(models),
        seconds=told["run"].get("wall_seconds"),
    )


def _words_of(text: str, pattern: str) -> str:
    """The words of an element of a page, without its tags; nothing if it is not there."""
    element = re.search(pattern, text, flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", "", element[1]) if element else ""
    return " ".join(html.unescape(words).replace("\u2060", "").split())


def _claims(folder: Path, parsed: Config) -> list[Claim]:
    """The claims of a book as its page words them."""
    frame = tables.read(folder / "tables/claims.csv", tables.contracts(parsed)["claims"])
    words = Vocabulary(parsed, Looks(parsed)).text
    titles = dict(zip(frame["claim"].astype(str), frame["title"].astype(str), strict=True))
    names = re.compile(rf"\b({'|'.join(map(re.escape, titles))})\b")
    claims = []
    for row in frame.itertuples():
        sentence = names.sub(lambda match: titles[match[1]], str(row.sentence))
        href = f"{folder.name}/index.html#claim-{filters.slug(str(row.claim))}"
        verdict = str(row.verdict)
        claims.append(Claim(folder.name, words(str(row.title)), verdict, words(sentence), href))
    return claims


def _study_errors(path: Path, parsed: Config) -> list[StudyErrors]:
    """The errors in every study of a book: studies grow in number with the books, methods less."""
    looks = Looks(parsed)
    summary = tables.read(path / "tables/summary.csv", tables.contracts(parsed)["summary"])
    rows = []
    for study in parsed.studies:
        metric = str(study.loss.metadata["METRICS"][0])
        errors = {}
        for key, mean in _means(_of_study(summary, study.name, metric), study).items():
            errors[looks.one(key.method, key.penalty).label] = numbers.significant(mean, 3)
        href = f"{path.name}/index.html#{_chapter(parsed, study)}"
        rows.append(StudyErrors(path.name, study.name, metric, href, errors))
    return rows


def _chapter(parsed: Config, study: Study) -> str:
    """The chapter that the page of a book has on a study."""
    for section in parsed.sections:
        if study.name in (section.study, *section.covers):
            return section.name
    return f"study-{study.name}"


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
