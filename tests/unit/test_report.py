"""The page: from tables to HTML, with the sentences that the data ask for."""

import html.parser
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from irm_bench import config, report, tables
from irm_bench.report.page import SECTIONS
from irm_bench.tables import TableError
from tests.unit import pipeline, report_case
from tests.unit.report_case import Case


@pytest.fixture(scope="module")
def page(case: Case) -> str:
    return case.render()


def text_of(page: str, section: str) -> str:
    """The words of a section, tags and figures left out."""
    body = re.search(rf'<section id="{section}".*?</section>', page, flags=re.DOTALL)
    assert body, section
    without = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", body[0], flags=re.DOTALL)
    return " ".join(html.unescape(without).split())


def test_every_section_is_there_in_the_notebooks_order(page: str) -> None:
    found = re.findall(r'<section id="(\w+)"', page)
    assert found == ["answer", *(s.name for s in SECTIONS if not s.table)]


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


def test_same_data_same_bytes(case: Case, page: str) -> None:
    assert case.render() == page
    assert case.render(tables=case.tables) == page  # figures drawn afresh


def test_a_changed_table_changes_the_sentence(case: Case, page: str, tmp_path: Path) -> None:
    def swap(summary: pd.DataFrame) -> None:
        better = (summary["quantity"] == "mse") & (summary["method"] == "irm")
        summary.loc[better, ["mean", "ci_low", "ci_high"]] *= 1e-3

    def lower(errors: pd.DataFrame) -> None:
        errors.loc[errors["method"] == "irm", "mse"] *= 1e-3

    assert "is also the better predictor on average" not in text_of(page, "answer")
    changed = report_case.altered(case, tmp_path / "errors", "errors", lower)
    assert "is also the better predictor on average" in text_of(
        case.render(tables=changed), "answer"
    )
    changed = report_case.altered(case, tmp_path / "summary", "summary", swap)
    lists = text_of(case.render(tables=changed), "comparison")
    assert "higher than ERM" not in lists


def test_diverged_runs_are_shown(page: str) -> None:
    text = text_of(page, "learning_rate")
    assert re.search(r"[1-9]\d* diverged\.", text)
    assert "4/4" in re.search(r'<figure id="fig-divergence".*?</svg>', page, flags=re.DOTALL)[0]


def test_a_mean_of_diverged_runs_has_no_number(case: Case, tmp_path: Path) -> None:
    def diverge(frame: pd.DataFrame) -> None:
        irm = (frame["study"] == "notebook") & (frame["penalty"] == "split_half")
        frame.loc[irm, [c for c in frame if c.startswith("phi_")]] = float("nan")

    changed = report_case.altered(case, tmp_path, "models", diverge)
    assert "no value (all runs diverged)" in text_of(case.render(tables=changed), "answer")


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
    page = case.render(tables=folder)
    first, detail = text_of(page, "answer"), text_of(page, "claims")
    assert "refuted 0.10 [0.08, 0.12] < 0.0001 4 25%" in first
    assert "It keeps a tenth." in detail
    assert "<b>drops" not in page
    assert page.count('id="claim-irm-removes-z"') == 1


def test_hostile_text_comes_out_inert(case: Case) -> None:
    title = "<script>alert(1)</script> & \"quotes\" 'and' {{ 7 * 7 }} <img src=x onerror=alert(2)>"
    raw = report_case.raw(title=title)
    raw["studies"][0]["description"] = "</table><script>alert(3)</script>"
    page = case.render(config=config.parse(raw))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "49" not in re.search(r"<h1>(.*?)</h1>", page)[1]


@pytest.mark.parametrize("kept", [["notebook"], ["sigma_grid"], ["error_weight", "z_mechanism"]])
def test_a_section_without_its_study_is_left_out(case: Case, tmp_path: Path, kept: list) -> None:
    raw = report_case.raw()
    raw["studies"] = [s for s in raw["studies"] if s["name"] in kept]
    parsed = config.parse(raw)
    output = tmp_path / "page.html"
    report.run(parsed, pipeline.run(raw, tmp_path), output)
    found = re.findall(r'<section id="(\w+)"', output.read_text(encoding="utf-8"))
    wanted = [s.name for s in SECTIONS if not s.table and (not s.study or s.study in kept)]
    assert found == ["answer", *wanted]


def test_other_names_methods_and_dimensions(tmp_path: Path) -> None:
    raw = {**pipeline.SMALL, "figures": report_case.raw()["figures"]}
    raw["studies"] = [
        {**raw["studies"][0], "name": "notebook", "dim": 1, "methods": [{"name": "erm"}]}
    ]
    output = tmp_path / "page.html"
    report.run(config.parse(raw), pipeline.run(raw, tmp_path), output)
    assert "φ(Z₁)" in output.read_text(encoding="utf-8")


def test_a_missing_table_is_named(case: Case, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"models\.csv"):
        report.run(case.config, tmp_path, tmp_path / "page.html", case.figures)


def test_the_page_needs_no_torch() -> None:
    code = (
        "import sys; from irm_bench.report import page, drawing; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
