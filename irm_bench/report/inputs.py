"""What the rule of the page reads besides tables and figures."""

import os
import sys
from pathlib import Path

from irm_bench.config import Config
from irm_bench.presentation.places import page_sources
from irm_bench.running import closure
from irm_bench.running.places import published_of, results_of


def sources(config: Config) -> list[str]:
    """Templates, stylesheet, scripts and the modules that make the page of them."""
    found = set(closure.sources("stages.report"))
    folders = (page_sources(), config.book.folder)
    for folder in folders:
        found |= {path for path in folder.rglob("*") if path.is_file()}
    hidden = ("__pycache__", ".git")
    kept = [path for path in found if not set(hidden) & set(path.parts)]
    return sorted(os.path.relpath(path) for path in kept)


def folder_of_published(config: Config) -> Path:
    """Where a published run of the book is kept."""
    return published_of(config.book)


def published(config: Config) -> list[str]:
    """A published run that is compared with, and how to cite the page."""
    paths = (folder_of_published(config) / "about.json", Path("CITATION.cff"))
    return [str(path) for path in paths if path.exists()]


def baseline(config: Config) -> list[str]:
    """The former page to compare with, if there is to be one; ends the program if it is not there.

    Raises:
        SystemExit: with one line on what is wrong.
    """
    if not config.baseline:
        return []
    page = results_of(config.book) / "report.html"
    if Path(config.baseline).resolve() == page.resolve():
        why = "is the page to write: copy it to another name and compare with that"
    elif not Path(config.baseline).is_file():
        why = "is not there"
    else:
        return [config.baseline]
    print(f"error: the baseline {config.baseline} {why}", file=sys.stderr)
    sys.exit(1)
