"""The first page of a site of ten books, their pages and the feed."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from tests.unit import shelf_case
from tests.unit.shelf_case import NAMES


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shelf_case.build(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def page(site: Path) -> str:
    return (site / "index.html").read_text(encoding="utf-8")


def rows_of(page: str, table: str) -> list[str]:
    """The rows of the body of a table of the first page."""
    body = re.search(rf'id="{table}".*?<tbody>(.*?)</tbody>', page, flags=re.DOTALL)
    assert body
    return re.findall(r"<tr>(.*?)</tr>", body[1], flags=re.DOTALL)


def test_every_book_has_its_entry_and_its_claims(page: str, site: Path) -> None:
    claims = pd.read_csv(site / NAMES[0] / "tables/claims.csv")
    assert len(rows_of(page, "table-claims")) == len(NAMES) * len(claims)
    for name in NAMES:
        assert page.count(f">The book of the {name}</a>") == 1
        assert page.count(f"<td>{name}</td>") == len(claims)


def links_of(text: str) -> set[tuple[str, str]]:
    """The links to files of the site, each with its anchor."""
    return set(re.findall(r'href="([^":#]+)(?:#([\w-]+))?"', text))


def test_every_link_leads_somewhere(page: str, site: Path) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in site.glob("**/index.html")}
    assert set(texts) == {site / "index.html", *(site / name / "index.html" for name in NAMES)}
    assert {site / path for path, _ in links_of(page)} == {*texts, site / "feed.xml"}
    for place, text in texts.items():
        header = re.search(r'<nav class="site".*?</nav>', text, flags=re.DOTALL)
        assert header
        assert {(place.parent / path).resolve() for path, _ in links_of(header[0])} >= set(texts)
        for path, anchor in links_of(page if text == page else header[0]):
            target = (place.parent / path).resolve()
            assert target.is_file()
            assert not anchor or f'id="{anchor}"' in texts[target], (path, anchor)


def test_the_table_of_errors_grows_by_rows_alone(page: str, site: Path) -> None:
    """As many columns as there are methods: what is wide cannot be read on a phone."""
    summary = pd.read_csv(site / NAMES[0] / "tables/summary.csv", keep_default_na=False)
    rows = rows_of(page, "table-matrix")
    assert len(rows) == len(NAMES) * summary["study"].nunique()
    assert {row.count("<td") for row in rows} == {summary["method"].nunique()}


def test_no_name_is_on_the_first_page_twice(page: str) -> None:
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names)) > len(NAMES)


def test_the_feed_is_xml_with_a_version(site: Path) -> None:
    root = ElementTree.fromstring((site / "feed.xml").read_text(encoding="utf-8"))
    assert root.findall("{http://www.w3.org/2005/Atom}entry")
