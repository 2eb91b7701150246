"""Where the results of a book are, what they are of, and where its published run is kept."""

import json
from pathlib import Path

from irm_bench import config
from irm_bench.config import Config
from irm_bench.plugins.registry import PACKAGE, Book, known_books

RESULTS = Path("results")


def results_of(book: Book) -> Path:
    """The folder of a book's results."""
    return RESULTS / book.name


def published_of(book: Book) -> Path:
    """The folder of its published run."""
    return RESULTS / "published" / book.name


def other_owner(book: Book) -> Path | None:
    """The folder of another book of the same name whose results are where the book's would be.

    A folder that is no book any more, as one that was moved, has no claim to them.
    """
    path = results_of(book) / "provenance.json"
    if PACKAGE in book.folder.parents or not path.exists():
        return None
    owner = Path(json.loads(path.read_text(encoding="utf-8"))["run"]["book"]).resolve()
    is_other = owner != book.folder and (owner / book.config.name).exists()
    return owner if is_other else None


def config_of(results: Path) -> Config:
    """The config of a finished run, from its provenance.

    Raises:
        FileNotFoundError: where the run is not finished.
        ConfigError: its book is not there any more.
    """
    told = json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    name, folder = told["results"]["config"]["book"], told["run"]["book"]
    book = name if name in known_books() else folder
    # checked when it ran, and with every seed written out longer than it was
    return config.parse(told["results"]["config"] | {"book": book}, checked=True)
