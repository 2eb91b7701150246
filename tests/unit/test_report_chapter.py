"""A book that is a config alone makes a readable page, whatever its studies are made of."""

import html
import re
from pathlib import Path
from typing import Any

import pytest

import irm_bench
from irm_bench import config
from irm_bench.report.study_tables import MOST_COLUMNS, MOST_ROWS
from tests.unit import chapter_case
from tests.unit.chapter_case import CONFIG


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return chapter_case.page_of(tmp_path_factory.mktemp("chapter")).read_text(encoding="utf-8")


def words(part: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())


def chapter(page: str, study: str) -> str:
    body = re.search(rf'<section id="study-{study}".*?</section>', page, flags=re.DOTALL)
    assert body, study
    return body[0]


def rows(page: str, table: str) -> list[list[str]]:
    """The cells of a table, its head first."""
    body = re.search(rf'id="table-{table}".*?</table>', page, flags=re.DOTALL)
    assert body, table
    lines = re.findall(r"<tr>.*?</tr>", body[0], flags=re.DOTALL)
    return [[words(c) for c in re.findall(r"<t[hd].*?</t[hd]>", line)] for line in lines]


def test_every_study_has_a_chapter_and_the_source_is_named(page: str) -> None:
    names = re.findall(r'<section id="([\w-]+)"', page)
    studies = [f"study-{study['name']}" for study in CONFIG["studies"]]
    assert names[:7] == ["answer", *studies]
    answer = words(page[page.index('<header id="top"') : page.index('id="study-plain"')])
    assert "Where it was claimed , A. Writer, 2020" in answer
    assert not re.search(r"\bnan\b|None|Undefined", words(re.sub(r"<script.*?</script>", "", page)))


def test_what_was_run_is_told(page: str) -> None:
    text = words(chapter(page, "plain"))
    for told in (
        "One seed.",
        "dim = 1",
        "Trained on {0.1, 1}",
        "σ = 0.1, γ = −1; σ = 2, γ = −1",
        "Rows 20 a training environment",
        "error_weight = 10⁻⁵",
        "IRM paper's repository",
    ):
        assert told in text


def test_one_seed_has_numbers_and_no_interval(page: str) -> None:
    table = rows(page, "mse-plain")
    assert [row[0] for row in table] == ["Model", "ERM", "IRM (plug-in)"]
    assert all(re.fullmatch(r"[\d.]+", cell) for row in table[1:] for cell in row[1:])


def test_exact_risks_stand_beside_the_floor_and_weights_beside_the_oracle(page: str) -> None:
    floor = rows(page, "risk-plain")[-1]
    assert floor == ["noise floor", "0.0100", "4.00"]
    weights = rows(page, "weights-plain")
    assert weights[0] == ["Model", "φ(x₁)", "φ(z₁)", "distance from the oracle"]
    assert weights[-1] == ["oracle (exact)", "1", "0", ""]


def test_the_oracle_of_drawn_weights_is_at_no_distance_from_itself(page: str) -> None:
    table = rows(page, "weights-drawn")
    distances = {row[0]: row[-1] for row in table[1:]}
    assert distances["oracle"] == "0"
    assert float(distances["ERM"].split()[0]) > 0
    assert "ERM, chosen by in distribution" in distances
    assert rows(page, "risk-drawn")[-1] == ["noise floor", "0.250"]


def test_what_was_chosen_is_counted(page: str) -> None:
    assert ["in distribution", "ERM", "2"] in rows(page, "choices-drawn")


def test_a_sem_that_knows_nothing_has_errors_and_weights(page: str) -> None:
    body = chapter(page, "rows_alone")
    assert rows(page, "mse-rows_alone")[0] == ["Model", "site = south"]
    assert rows(page, "weights-rows_alone")[0] == ["Model", "φ(x₁)", "φ(x₂)", "φ(x₃)"]
    assert "table-risk-rows_alone" not in body
    assert "diverged" not in words(body)


def test_printed_numbers_stand_in_the_chapter_of_their_study(page: str) -> None:
    assert 'id="table-printed"' in chapter(page, "rows_alone")
    lines = {(row[1], row[2]): row[3:] for row in rows(page, "printed")[1:]}
    assert lines["mean squared error", "test, site = south"][2] == "yes"
    assert lines["average mean squared error", "test"][2] == "yes"
    assert lines["weight φ₁", ""][2] == "no"
    assert lines["weight φ₉", ""][1:] == ["", ""]
    assert "It holds 2 of 3" in words(chapter(page, "rows_alone"))


def test_every_metric_structure_and_start_has_its_place(page: str) -> None:
    assert rows(page, "log_loss-classes")[1][0] == "ERM, scrambled = no, start: zeros"
    assert len(rows(page, "error_rate-classes")) == 5
    assert "cause, effect; or first, second, third" in words(chapter(page, "classes"))
    weights = rows(page, "weights-classes")
    assert weights[0][1:] == ["φ(1)", "φ(2)", "φ(3)"]
    assert weights[1][3] == ""
    assert weights[4][3] != ""


def test_diverged_runs_are_counted(page: str) -> None:
    weights = rows(page, "weights-diverges")
    assert weights[0][-1] == "diverged"
    assert weights[1][1:3] == ["diverged", "diverged"]
    assert weights[1][-1] == "2 of 2"


def test_of_a_large_grid_what_is_left_out_is_said(page: str) -> None:
    table = rows(page, "mse-large")
    assert len(table) == 1 + MOST_ROWS
    assert len(table[0]) == 1 + MOST_COLUMNS
    assert table[0][1] == "σ = 0.1"
    assert table[0][-1] == "σ = 0.9"
    text = words(chapter(page, "large"))
    assert "8 of 48 models and 1 more column are not shown here" in text
    assert "n = 20, trained on {0.1, 1}, error weight = 0.1" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sections": [{"name": "missing", "title": "x"}]}, r"no file sections/missing\.html\.j2"),
        ({"sections": [{"name": "told", "title": "x"}] * 2}, "each one once"),
        ({"lead": ["mising"]}, "'mising' is not among the figures known"),
    ],
)
def test_a_chapter_or_figure_that_is_not_there_is_told_before_any_job(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    chapter_case.write_book(tmp_path / "mine")
    (tmp_path / "mine/sections").mkdir()
    (tmp_path / "mine/sections/told.html.j2").write_text("<p>Told.</p>", encoding="utf-8")
    with pytest.raises(config.ConfigError, match=message):
        config.of_book(str(tmp_path / "mine"), change)


def test_a_book_may_tell_what_every_page_tells_in_its_own_words(tmp_path: Path) -> None:
    chapter_case.write_book(tmp_path / "mine")
    (tmp_path / "mine/sections").mkdir()
    (tmp_path / "mine/sections/methods.html.j2").write_text("<p>Our own.</p>", encoding="utf-8")
    overlay = {
        "studies": CONFIG["studies"][:1],
        "sections": [{"name": "methods", "title": "How"}],
    }
    found = irm_bench.run(
        tmp_path / "mine", config=overlay, folder=tmp_path / "run", report=True, progress=False
    )
    assert found.page is not None
    text = found.page.read_text(encoding="utf-8")
    assert text.count('<section id="methods"') == 1
    assert "Our own." in text
