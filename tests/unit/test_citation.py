"""How to cite: one file, and the page that tells it."""

import tomllib
from pathlib import Path

import pytest
import yaml

from irm_bench.report import citation
from tests.unit.report_case import ROOT, Case

FILE = ROOT / "CITATION.cff"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_is_of_this_version_and_licence() -> None:
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert found["version"] == PROJECT["version"]
    assert found["license"] == PROJECT["license"]
    assert found["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "date-released", "references"} <= set(found)


@pytest.fixture(scope="module")
def page(case: Case) -> str:
    return case.without_figures()


def test_the_page_has_bibtex_and_tags(page: str) -> None:
    cited = citation.load()
    assert cited
    assert "@misc{irm_bench," in page
    assert "arjovsky2019invariant" in page
    assert f'name="citation_author" content="{cited.authors[0]}"' in page
    for tag in ("og:title", "og:description", "og:type"):
        assert f'property="{tag}"' in page


def test_without_the_file_there_is_no_citation(tmp_path: Path) -> None:
    assert citation.load(tmp_path / "CITATION.cff") is None


def test_people_are_named_in_full(tmp_path: Path) -> None:
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    raw["authors"] = [{"given-names": "Ada", "family-names": "Byron"}]
    (tmp_path / "c.cff").write_text(yaml.safe_dump(raw), encoding="utf-8")
    found = citation.load(tmp_path / "c.cff")
    assert found
    assert "author = {{Ada Byron}}" in found.bibtex
