"""What people read outlives a job that fails.

Snakemake deletes the outputs of a job before it runs, and once more when it fails. Before a run
every table, figure and page that is there gets a second name; what is gone after a run that failed
gets its first name back. It looks as old as can be, so that the next run makes it anew.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from irm_bench.storage import tables


def folder_of(results: Path | str) -> Path:
    """Where the second names are, of the results of a book."""
    return Path(".snakemake") / "kept" / Path(results).name


# Seconds since 1970; Snakemake takes a time of 0 for none.
LONG_AGO = 1


def keep(paths: Iterable[Path | str], folder: Path) -> None:
    """Give files that are there a second name in a folder; tables bring their seals."""
    forget(folder)
    for path in _with_seals(paths):
        if path.is_file():
            _name(path, folder / path)


def restore(paths: Iterable[Path | str], folder: Path) -> list[Path]:
    """Give those that are gone their first name back; which they are."""
    gone = [Path(path) for path in paths if not Path(path).exists() and (folder / path).exists()]
    for path in _with_seals(gone):
        if (folder / path).exists():
            path.unlink(missing_ok=True)  # of a seal that the job wrote for what is gone
            _name(folder / path, path)
    for path in gone:
        os.utime(path, (LONG_AGO, LONG_AGO))
    forget(folder)
    return gone


def forget(folder: Path) -> None:
    """Take the second names away."""
    shutil.rmtree(folder, ignore_errors=True)


def _with_seals(paths: Iterable[Path | str]) -> list[Path]:
    files = [Path(path) for path in paths]
    return [*files, *(tables.seal_file(path) for path in files if path.suffix == ".csv")]


def _name(path: Path, other: Path) -> None:
    """A second name of a file, which is replaced but never written to; or a copy of it."""
    with suppress(OSError):  # on a full or read-only disk a run says so itself
        other.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, other)
        except OSError:
            shutil.copy2(path, other)
