"""What the documents name is there."""

import re
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import many_seeds, picture
from tests.workflow.conftest import ROOT

OF_TESTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
DOCUMENTS = [*OF_TESTS, *ROOT.glob("config/*.md")]


@pytest.mark.parametrize("path", OF_TESTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(path: Path) -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("tests/**/test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"def (test_\w+)\(", sources))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_exists(path: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing


def test_the_readme_shows_the_published_benchmark() -> None:
    table = pd.read_csv(ROOT / "results/published/benchmark.csv")
    assert picture.markdown(table) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_document_shows_the_published_measurement_of_many_seeds() -> None:
    table = pd.read_csv(ROOT / "results/published/many_seeds.csv")
    assert many_seeds.markdown(table) in (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
