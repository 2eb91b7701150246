"""The page in a browser: valid, accessible, silent, whole without scripts, and right."""

import re
from pathlib import Path
from typing import Any

import pytest

from irm_bench.report import bundle
from irm_bench.report.page import without_run
from irm_bench.report.sections import COMMON
from tests.page.conftest import VIEWS, html_errors, in_site
from tests.unit.report_case import Case

SCRIPTED = [view for view in VIEWS if view != "no scripts"]


def test_the_html_has_no_errors(page_file: Path) -> None:
    assert html_errors(page_file) == ""


@pytest.mark.parametrize("view", SCRIPTED)
def test_there_is_no_barrier(seen: dict[str, Any], view: str) -> None:
    assert seen[view]["violations"] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_requested_and_nothing_complains(seen: dict[str, Any], view: str) -> None:
    assert seen[view]["requests"] == []
    assert seen[view]["console"] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_overflows_sideways(seen: dict[str, Any], view: str) -> None:
    assert seen[view]["overflow"] <= 0
    assert seen[view]["wide"] == []
    if view in SCRIPTED:
        assert seen[view]["touched"]["overflow"] <= 0


def test_the_page_reads_whole_without_scripts(seen: dict[str, Any], case: Case) -> None:
    plain, scripted = seen["no scripts"], seen["light"]
    # a chapter of a study that the config lacks is not there
    names = {study.name for study in case.config.studies}
    chapters = [s for s in case.config.sections if not s.study or s.study in names]
    # the answer is one; published is not, nor are looks, for its seeds are fixed
    n_sections = len(chapters) + len(COMMON) - 1
    assert plain["sections"] == scripted["sections"] == n_sections
    assert plain["figures"] == scripted["figures"] == len(case.config.figures)
    assert not plain["formVisible"]
    # scripts add the words of buttons, of every figure and table some
    assert plain["text"] > 0.95 * scripted["text"]


def test_dark_is_dark(seen: dict[str, Any]) -> None:
    assert seen["light"]["background"] == "rgb(255, 255, 255)"
    assert seen["dark"]["background"] == "rgb(21, 24, 28)"
    themes = seen["light"]["touched"]["themes"]
    assert [name for name, _ in themes] == ["light", "dark", "system"]
    assert themes[1][1] == seen["dark"]["background"]


def test_the_size_is_in_budget(page_file: Path) -> None:
    assert page_file.stat().st_size < bundle.LIMIT


def test_figures_are_explored_by_keyboard(seen: dict[str, Any]) -> None:
    for view in SCRIPTED:
        keys = seen[view]["keys"]
        assert keys["first"]["open"] == "true"
        assert keys["first"]["values"] >= 3
        assert keys["first"]["where"] != keys["second"]["where"]


def test_the_contents_mark_the_chapter_that_one_has_jumped_to(seen: dict[str, Any]) -> None:
    assert seen["light"]["mismarked"] == []


def test_every_control_is_reached_and_seen_by_keyboard(seen: dict[str, Any]) -> None:
    walk = seen["light"]["walk"]
    assert walk["missed"] == []
    assert walk["unseen"] == []
    assert walk["pressed"] >= 8


def test_a_number_tells_of_itself_and_leads_there_and_back(seen: dict[str, Any]) -> None:
    cited = seen["light"]["cited"]
    assert re.search(r"\.csv, line \d+", cited["card"])
    assert cited["target"] == "sources"
    assert cited["closed"]
    assert cited["returned"]


@pytest.mark.parametrize("view", SCRIPTED)
def test_any_two_runs_are_compared(seen: dict[str, Any], view: str, case: Case) -> None:
    found = seen[view]["runs"]
    assert found["initial"]["rows"] == found["again"]["rows"]  # as it stands without scripts
    assert [head.strip() for head in found["mean"]["heads"][2:4]] == [
        "seed 1",
        "the mean over seeds",
    ]
    study = case.config.studies[0]
    assert len(found["mean"]["rows"]) == len(study.methods) * len(study.test_environments)
    for before, after in zip(found["initial"]["rows"], found["mean"]["rows"], strict=True):
        assert after[:2] == before[:2]
        assert after[2] == before[3]  # seed 1 has moved to the first place
        assert after[3] == before[5]  # and the mean beside it
        first, mean, difference = (numbers_of(after[i]) for i in (2, 3, 4))
        assert difference == pytest.approx(first - mean, abs=2e-3 * abs(mean))
    assert found["other"]["study"] != found["mean"]["study"]


def numbers_of(text: str) -> float:
    """A number as the page writes it."""
    mantissa, _, exponent = text.replace("−", "-").replace(",", "").partition("\u2009×\u200910")
    digits = exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(mantissa) * 10.0 ** int(digits or 0)


def test_paper_says_where_it_came_from_and_has_nothing_to_click(
    seen: dict[str, Any], page_file: Path
) -> None:
    printed = seen["light"]["printed"]
    assert printed["from"] == page_file.as_uri()
    assert printed["foot"] == page_file.as_uri()
    assert printed["shown"] == []
    assert printed["after"] == ""


@pytest.mark.parametrize("view", VIEWS)
def test_the_header_of_a_site_is_seen_and_marks_where_one_is(
    seen: dict[str, Any], view: str
) -> None:
    header = seen[view]["header"]
    assert header["seen"]
    assert header["current"] == ["notebook"]
    assert header["right"] <= 0


def test_every_explorer_draws_curves(seen: dict[str, Any], page_file: Path) -> None:
    wanted = len(re.findall(r"data-explore=", page_file.read_text(encoding="utf-8")))
    assert wanted >= 6
    for view in SCRIPTED:
        touched = seen[view]["touched"]
        assert touched["explorers"] == wanted
        assert min(touched["curves"]) > 3


def test_tables_sort_by_number(seen: dict[str, Any]) -> None:
    rising, falling = seen["light"]["touched"]["sorted"]

    def values(cells: list[str]) -> list[float]:
        found = (cell.split(" ")[0].replace("−", "-").replace(",", "") for cell in cells)
        return [float(text) for text in found if text]

    assert len(values(rising)) > 5
    assert values(rising) == sorted(values(rising))
    assert values(falling) == sorted(values(rising), reverse=True)


def test_two_builds_have_the_same_bytes(case: Case, page_file: Path) -> None:
    former = case.figures.parent / "former.html"
    again = in_site(case.render(baseline=former))
    assert without_run(again) == without_run(page_file.read_text(encoding="utf-8"))
