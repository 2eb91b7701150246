"""The first page of a site of ten books, in a browser: read, searched, sorted."""

from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import VIEWS, assert_quiet, html_errors, look_at
from tests.unit import shelf_case
from tests.unit.shelf_case import NAMES


@pytest.fixture(scope="module")
def first_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shelf_case.build(tmp_path_factory.mktemp("shelf")) / "index.html"


@pytest.fixture(scope="module")
def seen(first_page: Path) -> dict[str, Any]:
    return look_at(first_page, SEARCH="Larch")


def test_the_html_has_no_errors(first_page: Path) -> None:
    assert html_errors(first_page) == ""


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_quiet_and_fits_its_window(seen: dict[str, Any], view: str) -> None:
    assert_quiet(seen[view])
    assert seen[view]["sections"] == 3


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "no scripts"])
def test_claims_are_searched_by_words(seen: dict[str, Any], view: str) -> None:
    """One book's claims of ten; all of them again once the field is empty."""
    searched = seen[view]["searched"]
    assert searched["all"] % len(NAMES) == 0
    assert len(searched["books"]) == searched["all"] // len(NAMES) >= 1
    assert set(searched["books"]) == {"larch"}
    assert searched["after"] == searched["all"]
    assert searched["told"] == f"{len(searched['books'])} of {searched['all']} claims"


def test_every_control_is_reached_by_keyboard(seen: dict[str, Any]) -> None:
    assert seen["light"]["walk"]["missed"] == []
    assert seen["light"]["walk"]["unseen"] == []


def test_the_names_of_the_data_stay_in_sight(seen: dict[str, Any]) -> None:
    assert seen["phone"]["heads"]["scrolled"] > 0
    assert seen["phone"]["heads"]["moved"] == 0
