"""The page of a book that is a config alone, in a browser: as valid and accessible as any."""

from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import VIEWS, assert_quiet, html_errors, look_at
from tests.unit import chapter_case


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # the longest tables are like the others, and take a browser long to look through
    return chapter_case.page_of(tmp_path_factory.mktemp("any"), without="large")


@pytest.fixture(scope="module")
def seen(page_file: Path) -> dict[str, Any]:
    return look_at(page_file)


def test_the_html_has_no_errors(page_file: Path) -> None:
    assert html_errors(page_file) == ""


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_quiet_and_fits_its_window(seen: dict[str, Any], view: str) -> None:
    assert_quiet(seen[view])
