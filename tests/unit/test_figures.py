"""One contract for every figure, and what its drawing must be."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench import config
from irm_bench.config import of_book
from irm_bench.plugins.registry import Book, find_book
from irm_bench.presentation import drawing, figure_data, gallery, themes
from irm_bench.presentation.series import COLORS, Looks
from irm_bench.report import views
from irm_bench.stages import draw
from irm_bench.storage import tables
from tests.unit import report_case
from tests.unit.report_case import Case

BOOK = find_book("notebook")

FIGURES = BOOK.names("figures")


def svg_of(case: Case, name: str) -> str:
    return gallery.paths(case.figures, name)["svg"].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_what_it_is(case: Case, name: str) -> None:
    metadata = BOOK.plugin("figures", name).metadata
    assert metadata["SECTION"] in {section.name for section in of_book("notebook").sections}
    words = json.loads(gallery.paths(case.figures, name)["json"].read_text(encoding="utf-8"))
    assert not words["empty"]
    assert min(len(words[k]) for k in ("title", "description", "caption")) > 15
    assert re.search(r"seed|[Nn]o interval|[Cc]ounts", words["caption"])
    assert not re.search(r"\bnan\b", words["description"] + words["caption"])


@pytest.mark.parametrize("name", FIGURES)
def test_a_drawing_is_one_labelled_svg_with_ids_of_its_own(case: Case, name: str) -> None:
    svg = svg_of(case, name)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("width") is None
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert all(i.startswith(f"{name}-") for i in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg)) <= set(ids)
    assert drawing.INK not in svg
    assert "currentColor" in svg


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_bytes(case: Case, name: str, tmp_path: Path) -> None:
    draw.run(case.config, [BOOK.plugin("figures", name)], case.tables, tmp_path)
    for kind, path in gallery.paths(tmp_path, name).items():
        assert path.read_bytes() == gallery.paths(case.figures, name)[kind].read_bytes()


@pytest.mark.parametrize("name", FIGURES)
def test_the_data_of_a_figure_are_a_table(case: Case, name: str) -> None:
    frame = pd.read_csv(gallery.paths(case.figures, name)["csv"])
    assert len(frame)
    assert not frame.columns.has_duplicates


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(max_size=5)),
            st.integers(-(2**53), 2**53),
            st.floats(),
        )
    )
)
def test_the_page_cites_the_very_numbers_that_were_drawn(rows: list[tuple[object, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=["name", "count", "value"])
    frame = frame.astype({"count": "int64", "value": "float64"})
    kept = json.loads(json.dumps(figure_data.as_columns(frame)))
    wanted = frame.assign(name=frame["name"].fillna("").astype(object))
    pd.testing.assert_frame_equal(figure_data.from_columns(kept), wanted, check_exact=True)


@pytest.mark.parametrize(
    "name", [n for n in FIGURES if BOOK.plugin("figures", n).metadata["STUDY"]]
)
def test_without_its_study_a_figure_has_no_data(case: Case, name: str) -> None:
    plugin = BOOK.plugin("figures", name).load()
    raw = report_case.raw()
    raw["studies"] = [s for s in raw["studies"] if s["name"] != plugin.STUDY]
    other = config.parse(raw)
    assert name not in gallery.shown(other)
    assert plugin.data(tables.load(case.config, case.tables, plugin.TABLES), other).empty


def test_an_empty_figure_is_written_and_marked(case: Case, tmp_path: Path) -> None:
    less = replace(case.config, studies=case.config.studies[:1])
    draw.run(less, [BOOK.plugin("figures", "divergence")], case.tables, tmp_path)
    assert json.loads((tmp_path / "divergence.json").read_text(encoding="utf-8"))["empty"]


def test_a_figure_that_raises_is_named(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = BOOK.plugin("figures", "divergence").load()
    monkeypatch.setattr(plugin, "data", lambda tables, config: 1 / 0)
    with pytest.raises(ZeroDivisionError) as raised:
        draw.run(case.config, [BOOK.plugin("figures", "divergence")], case.tables, tmp_path)
    assert raised.value.__notes__ == ["figure divergence"]


@pytest.mark.parametrize("paper", [themes.LIGHT_PAPER, themes.DARK_PAPER])
@pytest.mark.parametrize(
    "color", ["#56b4e9", "#0072b2", "#d55e00", "#009e73", "#000000", "#ffffff"]
)
def test_colours_are_readable_on_any_paper(color: str, paper: str) -> None:
    shifted = themes.readable(color, paper)
    assert themes._ratio(themes._rgb(shifted), themes._rgb(paper)) >= themes.CONTRAST


EXPLORED = [n for n in FIGURES if "EXPLORE" in BOOK.plugin("figures", n).metadata]


@pytest.mark.parametrize("name", EXPLORED)
def test_every_row_of_an_explorable_figure_is_on_a_curve(case: Case, name: str) -> None:
    path = gallery.paths(case.figures, name)["csv"]
    spec = views.load_figures(case.config, case.figures)[name].explore
    assert spec
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert {spec["x"]["column"], "mean", *spec["band"]} <= set(rows)
    found = 0
    for panel in spec["panels"]:
        for series in spec["series"]:
            where = [*panel["where"], *series["where"]]
            here = rows[[all(row[c] == v for c, v in where) for _, row in rows.iterrows()]]
            found += len(here) if series["column"] == "mean" else 0
    assert found == len(rows)


@pytest.mark.parametrize("name", EXPLORED)
def test_marks_find_their_place_on_the_axes(case: Case, name: str) -> None:
    words = json.loads(gallery.paths(case.figures, name)["json"].read_text(encoding="utf-8"))
    assert words["axes"]
    for axes in words["axes"]:
        left, top, right, bottom = axes["box"]
        assert 0 <= left < right
        assert 0 <= top < bottom
        values, places = zip(*axes["knots"], strict=True)
        assert list(values) == sorted(values)
        assert list(places) == sorted(places)
        assert left - 30 <= places[0] < places[-1] <= right + 1


def test_a_method_that_says_nothing_of_its_looks_has_its_own_whatever_is_drawn(
    case: Case, tmp_path: Path
) -> None:
    (tmp_path / "methods").mkdir()
    for name in ("late", "early"):
        (tmp_path / f"methods/{name}.py").write_text("def fit(problem): ...\n", encoding="utf-8")
    looks = Looks(replace(case.config, book=Book("mine", tmp_path)))
    table = pd.DataFrame({"method": ["late", "erm", "early"], "penalty": ""})
    late, erm, early = looks(table)
    assert late == looks(table[::-1])[2] == looks.one("late")
    told_apart = {(series.color, series.marker, series.dash) for series in (late, erm, early)}
    assert len(told_apart) == len({late.color, erm.color, early.color}) == 3


def test_no_plugin_of_the_package_has_the_colour_of_a_default() -> None:
    plugins = [BOOK.plugin(kind, n) for kind in ("methods", "penalties") for n in BOOK.names(kind)]
    assert not {plugin.get("COLOR") for plugin in plugins} & set(COLORS)
