"""The page: from tables to HTML, with the sentences that the data ask for."""

import html.parser
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from irm_bench import config
from irm_bench.config import of_book
from irm_bench.report import bundle, citation, filters
from irm_bench.report.ledger import Ledger
from irm_bench.report.page import numbered, without_run
from irm_bench.report.sections import COMMON
from irm_bench.stages import judge, report
from irm_bench.storage import tables
from irm_bench.storage.tables import TableError
from tests.unit import pipeline, report_case
from tests.unit.report_case import Case

SECTIONS = (*of_book("notebook").sections, *COMMON)


@pytest.fixture(scope="module")
def page(case: Case) -> str:
    return case.render()


def text_of(page: str, section: str) -> str:
    """The words of a section, tags and figures left out."""
    body = re.search(rf'<section id="{section}".*?</section>', page, flags=re.DOTALL)
    assert body, section
    without = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", body[0], flags=re.DOTALL)
    return " ".join(html.unescape(without).split())


# a former page; a published run; studies of starts, and of other trainings and data; seeds that are
# added until claims are decided
NEED_MORE = {"changes", "published", "start", "robustness", "looks"}


def section_names(page: str) -> list[str]:
    return re.findall(r'<section id="(\w+)"', page)


def test_every_section_is_there_in_the_notebooks_order(page: str) -> None:
    wanted = [s.name for s in SECTIONS if s.name not in NEED_MORE]
    assert section_names(page) == ["answer", *wanted]


def test_every_link_inside_the_page_has_its_target_and_ids_are_unique(page: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(ids)


def test_nothing_is_fetched(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|poster|data|srcset)="(?!data:)', page)
    assert not re.search(r"url\((?!#)|@import", page)
    assert not re.search(r'<link (?![^>]*href="data:,")', page)


def test_elements_are_closed(page: str) -> None:
    Nesting().feed(page)


class Nesting(html.parser.HTMLParser):
    """Raises where an end tag does not match the element that is open."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())


def test_same_data_same_bytes_but_for_the_run(case: Case, page: str) -> None:
    assert without_run(case.render()) == without_run(page)
    assert len(without_run(page)) < len(page)


@pytest.mark.parametrize(("factor", "is_better"), [(1e3, False), (1e-3, True)])
def test_a_changed_table_changes_the_sentence(
    case: Case, tmp_path: Path, factor: float, is_better: bool
) -> None:
    def scale(errors: pd.DataFrame) -> None:
        errors.loc[errors["method"] == "irm", "mse"] *= factor

    changed = report_case.altered(case, tmp_path, "errors", scale)
    altered = case.render_altered(changed, "errors_by_environment")
    assert ("it is the better predictor on average" in text_of(altered, "answer")) == is_better


SECTION = [{"name": "robustness", "title": "Otherwise", "study": "robustness"}]
OTHERWISE = [
    {"name": "error_weight", "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}]},
    {
        "name": "robustness",
        "optimiser": [{"name": "gd"}, {"name": "adam"}],
        "start": ["ones", "zeros"],
        "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
    },
    {
        "name": "heavy_tails",
        "sem": "example_1_noise",
        "options": {"noise": "t5"},
        "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
    },
]


def test_the_conclusions_are_shown_setting_by_setting(tmp_path: Path) -> None:
    raw = report_case.raw(
        studies=OTHERWISE, figures=[], claims=["however_trained", "other_data"], sections=SECTION
    )
    raw["defaults"] |= {"seeds": 6, "error_weights": [1e-5]}
    parsed = config.parse(raw)
    found = pipeline.run(raw, tmp_path)
    judge.run(parsed, found, found)
    report.run(parsed, found, tmp_path / "page.html")
    text = text_of((tmp_path / "page.html").read_text(encoding="utf-8"), "robustness")
    for setting in ("300 updates, Adam, rate 0.001, start zeros", "t₅ noise, one cause"):
        assert setting in text
    assert "The shared sequence makes" in text
    assert re.search(r"robustness, \d+ of \d+; heavy tails, \d+ of \d+\.", text)


def test_a_changed_number_changes_the_prose(case: Case, page: str, tmp_path: Path) -> None:
    def swap(errors: pd.DataFrame) -> None:
        errors.loc[errors["method"] == "irm", "mse"] *= 1e-3

    changed = report_case.altered(case, tmp_path, "errors", swap)
    altered = case.render_altered(changed, "errors_by_environment")
    assert "higher than ERM" not in text_of(altered, "comparison")


def test_diverged_runs_are_shown(page: str) -> None:
    text = text_of(page, "learning_rate")
    assert re.search(r"[1-9]\d* diverged\.", text)
    assert "4/4" in re.search(r'<figure id="fig-divergence".*?</svg>', page, flags=re.DOTALL)[0]


def test_a_mean_of_diverged_runs_has_no_number(case: Case, tmp_path: Path) -> None:
    def diverge(frame: pd.DataFrame) -> None:
        irm = (frame["study"] == "notebook") & (frame["penalty"] == "split_half")
        frame.loc[irm, [c for c in frame if c.startswith("phi_")]] = float("nan")

    changed = report_case.altered(case, tmp_path, "models", diverge)
    assert "no value (all runs diverged)" in text_of(case.render_altered(changed), "answer")


CLAIM = {
    "claim": "irm_removes_z",
    "title": "IRM <b>drops</b> Z",
    "family": "notebook",
    "study": "notebook",
    "verdict": "refuted",
    "sentence": "It keeps a tenth.",
    "quantity": "phi_z",
    "estimate": 0.1,
    "ci_low": 0.08,
    "ci_high": 0.12,
    "p_adjusted": 1e-9,
    "n_seeds": 4,
    "n_diverged": 0,
    "single_seed_disagree": 0.25,
    "rule": "at most 0.05",
    "statement": "IRM very quickly learns",
    "source": "notebook, 'The IRM Penalty'",
}


def test_claims_are_shown_with_their_verdicts(case: Case, tmp_path: Path) -> None:
    folder = report_case.altered(case, tmp_path, "", lambda frame: None)
    contract = tables.contracts(case.config)["claims"]
    frame = pd.DataFrame([CLAIM]).reindex(columns=contract.names)
    tables.write(folder / "claims.csv", frame, contract)
    page = case.render_altered(folder)
    first, detail = text_of(page, "answer"), text_of(page, "claims")
    assert "refuted mean weight of the effects 0.10 [0.08, 0.12] 25%" in first
    assert "It keeps a tenth." in detail
    assert "<b>drops" not in page
    assert page.count('id="claim-irm-removes-z"') == 1


def test_every_claim_of_the_config_is_linked_from_a_section(case: Case, page: str) -> None:
    names = [claim.name for claim in case.config.claims]
    for name in names:
        assert f'id="claim-{filters.slug(name)}"' in page
    told = " ".join(re.findall(r'<p class="tested">.*?</p>', page, flags=re.DOTALL))
    # a chapter of a study that the config lacks is not there
    with_chapter = [
        name
        for name in names
        if any(
            f'id="{part}"' in page
            for part in case.config.book.plugin("claims", name).get("SECTION")
        )
    ]
    assert len(with_chapter) > len(names) / 2
    assert set(re.findall(r'href="#(claim-[\w-]+)"', told)) == {
        f"claim-{filters.slug(name)}" for name in with_chapter
    }


def test_a_claim_named_in_a_sentence_is_linked_by_its_title() -> None:
    frame = pd.DataFrame({"claim": ["worse_on_average"], "title": ["Worse <on> average"]})
    linked = filters.claim_links(Ledger({"claims": frame}))
    assert linked("see worse_on_average & more") == (
        'see <a href="#claim-worse-on-average">Worse &lt;on&gt; average</a> &amp; more'
    )


def test_hostile_text_comes_out_inert(case: Case) -> None:
    title = "<script>alert(1)</script> & \"quotes\" 'and' {{ 7 * 7 }} <img src=x onerror=alert(2)>"
    title += "<!--package--><!--manifest--><!--/run-->"
    first = replace(
        case.config.studies[0], description="</table></script><script>alert(3)</script>"
    )
    page = case.without_figures(title=title, studies=(first, *case.config.studies[1:]))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "49" not in re.search(r"<h1>(.*?)</h1>", page)[1]
    assert bundle.read(page)["title"] == title


@pytest.mark.parametrize("kept", [["notebook"], ["sigma_grid"], ["error_weight", "z_mechanism"]])
def test_a_section_without_its_study_is_left_out(case: Case, kept: list[str]) -> None:
    studies = tuple(s for s in case.config.studies if s.name in kept)
    page = case.render(replace(case.config, studies=studies))
    of_a_study = {s.name for s in SECTIONS if s.study}
    wanted = [s.name for s in SECTIONS if s.study in kept]
    assert [name for name in section_names(page) if name in of_a_study] == wanted


def test_other_names_methods_and_dimensions(tmp_path: Path) -> None:
    whole = report_case.raw()
    raw = {**pipeline.SMALL, "figures": whole["figures"], "sections": whole["sections"]}
    raw["studies"] = [
        {
            **raw["studies"][0],
            "name": "notebook",
            "options": {"dim": 1},
            "methods": [{"name": "erm"}],
        }
    ]
    output = tmp_path / "page.html"
    report.run(config.parse(raw), pipeline.run(raw, tmp_path), output)
    assert "φ(Z₁)" in output.read_text(encoding="utf-8")


def test_a_missing_table_is_named(case: Case, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"models\.csv"):
        report.run(case.config, tmp_path, tmp_path / "page.html", case.figures)


@pytest.mark.parametrize(
    ("module", "heavy"), [("stages.draw", "torch"), ("stages.report", "matplotlib")]
)
def test_what_makes_the_page_loads_fast(module: str, heavy: str) -> None:
    code = f"import sys, irm_bench.{module}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_book_finds_every_number_that_it_looks_up(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that the results lack is no fault, a number that a template misspells is one."""
    absent = []
    found = Ledger.value_if

    def watched(ledger: Ledger, *arguments: Any, **keys: Any) -> Any:
        entry = found(ledger, *arguments, **keys)
        absent.extend(ledger.absent)
        return entry

    monkeypatch.setattr(Ledger, "value_if", watched)
    case.render()
    assert not absent


def test_figures_and_tables_are_numbered_each_in_their_order(page: str) -> None:
    found = re.findall(r"<(figcaption|caption)>.*?<strong>(Figure|Table) (\d+)\. ", page, re.DOTALL)
    for tag, kind in (("figcaption", "Figure"), ("caption", "Table")):
        numbers = [int(number) for name, word, number in found if (name, word) == (tag, kind)]
        assert len(numbers) == page.count(f"<{tag}>") > 3
        assert numbers == list(range(1, len(numbers) + 1))


def test_only_the_first_bold_words_of_a_caption_are_numbered() -> None:
    table = "<caption><div><a><strong>A.</strong></a> <strong>not this</strong></div></caption>"
    plain = "<caption>no title</caption><p><strong>nor this</strong></p>"
    figure = "<figcaption><p><strong>B.</strong></p></figcaption>"
    assert numbered(plain + table + figure + table) == (
        plain
        + table.replace("<strong>A", "<strong>Table 1. A")
        + figure.replace("<strong>B", "<strong>Figure 1. B")
        + table.replace("<strong>A", "<strong>Table 2. A")
    )


def test_the_glossary_has_every_word_that_is_explained_where_it_is_met(page: str) -> None:
    body = re.search(r'<section id="glossary".*?</section>', page, flags=re.DOTALL)
    assert body
    words = re.findall(r"<dt>(.*?)</dt>", body[0])
    explained = re.findall(r'<div popover id="term-[\w-]+"[^>]*><p><strong>(.*?)</strong>', page)
    assert len(words) > 10
    assert words == explained


def test_the_byline_names_source_version_and_date(page: str, case: Case) -> None:
    byline = re.search(r'<p class="byline">.*?</p>', page, flags=re.DOTALL)
    assert byline
    source = case.config.source
    assert f'<a href="{source["url"]}"><cite>{source["title"]}</cite></a>' in byline[0]
    cited = citation.load()
    assert cited
    assert f"irm_bench {cited.version}" in byline[0]
    assert f'<time datetime="{cited.date}">' in byline[0]
    assert not cited.repository or f'href="{cited.repository}"' in byline[0]
