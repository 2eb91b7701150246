"""Where the results of a book are, and where its published run is kept."""

from pathlib import Path

from irm_bench.plugins.registry import Book

RESULTS = Path("results")


def results_of(book: Book) -> Path:
    """The folder of a book's results."""
    return RESULTS / book.name


def published_of(book: Book) -> Path:
    """The folder of its published run."""
    return RESULTS / "published" / book.name
