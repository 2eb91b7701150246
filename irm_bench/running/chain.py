"""``python -m irm_bench.running.chain [BOOK]``: are results as they were made, stage by stage?

With ``--asked [CONFIG …] [--plugins PATH]``, also whether they are those of this config. Snakemake
does not see that in results that were brought here without its own records.

The record of a job (``provenance.py``) has the checksum of every file that it read and wrote. The
chain holds where each table and figure is the one that its job wrote, is sealed, and every file
that a job read is the one that its own job wrote.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from irm_bench.config import DEFAULT_BOOK, Config, ConfigError
from irm_bench.config.__main__ import asked, overlays_of
from irm_bench.plugins.registry import BookError, find_book
from irm_bench.presentation import gallery
from irm_bench.running import adding, provenance
from irm_bench.running.places import config_of, results_of
from irm_bench.storage import archives, tables

# What the page is made of beside tables and figures has no seal of its own.
PAGES = ("report.html", "provenance.json")


def made_of(config: Config, folder: Path) -> list[Path]:
    """The tables and figures of a config, as files of a folder of results."""
    found = [folder / "tables" / f"{name}.csv" for name in tables.names(config)]
    for figure in gallery.shown(config):
        found += gallery.paths(folder / "figures", figure.name).values()
    return found


def faults(config: Config, folder: Path, paths: Sequence[Path]) -> list[str]:
    """What is wrong with files of a folder of results, and with what they are made of: lines."""
    producers = provenance.records(config, folder)
    named = {provenance.name_of(config, folder, path.as_posix()): path for path in paths}
    told = {name: _fault(path, producers.get(name), name) for name, path in named.items()}
    lines = [f"{name}: {fault}" for name, fault in told.items() if fault]
    return [*lines, *_breaks(named, producers)]


def _breaks(names: Iterable[str], producers: Mapping[str, provenance.Record]) -> Iterator[str]:
    """Where a job read another file than the one that its own job wrote."""
    for job in provenance.trace(names, producers):
        for read, digest in job["inputs"].items():
            maker = producers.get(read)
            if maker is not None and maker["outputs"][read] != digest:
                made = ", ".join(job["outputs"])
                yield f"{made}: made by rule {job['rule']} of another {read} than there is now"


def _fault(path: Path, job: provenance.Record | None, name: str) -> str:
    if not path.is_file():
        return "is not there"
    if job is None:
        return "there is no record of the job that made it"
    digest = archives.digest(path)
    if digest != job["outputs"][name]:
        return f"is not as rule {job['rule']} made it"
    if path.parent.name == "tables" and tables.seal_of(path)[0] != digest:
        return "its seal differs, or is not there"
    return ""


def check(folder: Path) -> list[str]:
    """What is wrong with the results of a finished run, a line each.

    Raises:
        OSError, ValueError: there is no finished run, or it does not say of which config it is.
    """
    config = config_of(folder)
    return faults(config, folder, [*made_of(config, folder), *(folder / page for page in PAGES)])


def _is_of(folder: Path, config: Config) -> bool:
    """Whether results are those of a config at whatever look, the methods of its map included."""
    made = config_of(folder)
    mapped = [
        [str(m.plugin.path) for m in one.map.methods] if one.map else [] for one in (made, config)
    ]
    return made.asked_hash == config.asked_hash and mapped[0] == mapped[1]


def main(arguments: list[str] | None = None) -> int:
    """Say what is not as it was made, or where the page is; 0 where all is as it was made.

    ``adding.ANOTHER_LOOK`` where the results ask for more seeds than they have.
    """
    parser = argparse.ArgumentParser(prog="python -m irm_bench.running.chain")
    parser.add_argument("book", nargs="?", default=DEFAULT_BOOK, help="a book's name or folder")
    parser.add_argument("--asked", nargs=argparse.REMAINDER, help="config files, --plugins PATH")
    given = parser.parse_args(arguments)
    next_look = ""
    try:
        folder = results_of(find_book(given.book))
        found = check(folder)
        if given.asked is not None:
            if not _is_of(folder, asked([given.book, *given.asked])):
                found.append(f"{folder} has the results of another config than the one asked for")
            elif not found and not any("look" in overlay for overlay in overlays_of(given.asked)):
                next_look = adding.told(config_of(folder), folder)
    except (BookError, ConfigError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"error: {folder / 'provenance.json'} cannot be read ({error})", file=sys.stderr)
        return 1
    for line in found:
        print(line, file=sys.stderr)
    if found:
        end = f"error: {folder} is not as it was made: delete what is named and run again"
        print(end, file=sys.stderr)
        return 1
    if next_look:
        print(next_look)
        return adding.ANOTHER_LOOK
    print(f"The page is at {folder / 'report.html'}; it and all below it is as it was made")
    return 0


if __name__ == "__main__":
    sys.exit(main())
