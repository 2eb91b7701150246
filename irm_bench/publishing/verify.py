"""``python -m irm_bench.publishing.verify [BOOK]``: is the published run of a book reproduced?

The same config and packages give the same bits on every x86-64 processor with AVX2, but for losses
through rows and what ``tests/unit/test_small.py`` lists. On others libraries round differently
(``storage/comparison.py``).
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from irm_bench.config import DEFAULT_BOOK
from irm_bench.plugins.registry import BookError, find_book
from irm_bench.running.places import published_of, results_of
from irm_bench.storage.comparison import ABSOLUTE, RELATIVE, Comparison, compare


def lines(found: list[Comparison]) -> Iterator[str]:
    """What to tell, a line a table."""
    for c in found:
        if c.problem:
            yield f"{c.table}: {c.problem}"
        elif c.is_same_file:
            yield f"{c.table}: same bits"
        else:
            what = "sums over its rows" if c.of_sums else "values"
            yield (
                f"{c.table}: {c.n_same:,} of {c.n_values:,} {what} the same, {c.n_near:,} within "
                f"tolerance, {c.n_far:,} not (largest relative difference {c.largest:.2g})"
            )


def main(arguments: list[str] | None = None) -> int:
    """Compare and tell; 0 where everything agrees."""
    parser = argparse.ArgumentParser(prog="python -m irm_bench.publishing.verify")
    parser.add_argument("book", nargs="?", default=DEFAULT_BOOK, help="a book's name or folder")
    parser.add_argument("--results", type=Path, help="folder of the fresh run")
    parser.add_argument("--published", type=Path, help="folder of the published run")
    given = parser.parse_args(arguments)
    try:
        book = find_book(given.book)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    published = given.published or published_of(book)
    return check((given.results or results_of(book)) / "tables", published)


def check(fresh: Path, published: Path) -> int:
    """Compare the tables of a folder with a published run, and tell; 0 where everything agrees."""
    if not (published / "about.json").exists():
        print(f"error: {published} holds no published run", file=sys.stderr)
        return 1
    found = compare(fresh, published)
    print("\n".join(lines(found)))
    bad = [c.table for c in found if not c.is_good]
    if bad:
        print(f"error: the fresh run differs from the published one: {', '.join(bad)}")
        return 1
    same = sum(c.is_same_file for c in found)
    rest = (
        f"; numbers of the others within {RELATIVE:g} (or {ABSOLUTE:g}, near zero): other versions "
        "of packages, losses through rows, and processors that are not x86-64 with AVX2 round "
        "otherwise"
    )
    print(f"The published run is reproduced: {same} of {len(found)} tables to the bit", end="")
    print(rest if same < len(found) else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
