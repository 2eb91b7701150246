"""Drawings of who acts on whom."""

import xml.etree.ElementTree as ElementTree

import pytest

from irm_bench.plugins.registry import find_book
from irm_bench.presentation import graph

SVG = "{http://www.w3.org/2000/svg}"
BOOKS = ("notebook", "irm_paper", "unit_tests", "field")
DRAWN = [(book, name) for book in BOOKS for name in find_book(book).names("sems")]


@pytest.mark.parametrize(("book", "name"), DRAWN)
def test_a_model_of_data_is_drawn_with_an_arrow_for_each_of_its_edges(book: str, name: str) -> None:
    text = find_book(book).plugin("sems", name).get("GRAPH")
    assert text, "every data model of the project says who acts on whom"
    root = ElementTree.fromstring(graph.svg(text))
    edges = graph.edges_of(text)
    kinds = [element.tag.removeprefix(SVG) for element in root.iter()]
    assert kinds.count("polygon") == len(edges)
    assert kinds.count("circle") == len({node for edge in edges for node in edge})
    width, height = map(float, root.get("viewBox").split()[2:])
    for circle in root.iter("circle"):
        assert 0 < float(circle.get("cx")) < width
        assert 0 < float(circle.get("cy")) < height


def test_causes_stand_before_effects() -> None:
    found = graph.ranks(graph.edges_of("(H) -> X -> Y -> Z; H2 -> Z; X -> Z"))
    assert found == {"(H)": 0, "X": 1, "Y": 2, "Z": 3, "H2": 0}


@pytest.mark.parametrize(("text", "message"), [("X", "no arrow"), ("X -> ", "no arrow")])
def test_a_graph_without_an_arrow_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph.edges_of(text)


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        graph.svg("X -> Y -> X")
