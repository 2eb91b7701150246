"""Where the results of a book are, what they are of, and where its published run is kept."""

import json
from pathlib import Path

from irm_bench import config
from irm_bench.config import Config
from irm_bench.plugins.registry import Book, known_books

RESULTS = Path("results")


def results_of(book: Book) -> Path:
    """The folder of a book's results."""
    return RESULTS / book.name


def published_of(book: Book) -> Path:
    """The folder of its published run."""
    return RESULTS / "published" / book.name


def config_of(results: Path) -> Config:
    """The config of a finished run, from its provenance.

    Raises:
        FileNotFoundError: where the run is not finished.
        ConfigError: its book is not there any more.
    """
    told = json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    name, folder = told["results"]["config"]["book"], told["run"]["book"]
    book = name if name in known_books() else folder
    return config.parse(told["results"]["config"] | {"book": book})
