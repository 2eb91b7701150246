"""What the documents name is there."""

import re

import pytest

from tests.workflow.conftest import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(path) -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("tests/**/test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"def (test_\w+)\(", sources))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_exists(path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing
