"""The tables in results/tables as files, checked against their contracts on both sides."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config
from irm_bench.config.layout import layout_of
from irm_bench.storage import archives, paged, part_files
from irm_bench.storage.archives import StageError
from irm_bench.storage.contracts import Column, Contract, diagnosed, evaluated, judged, mapped
from irm_bench.storage.paged import Rows

# What the kinds of columns are in memory, and as plain numbers.
KINDS = {"integer": "Int64", "number": "float64", "text": "category"}
TYPES = {"integer": np.int64, "number": np.float64}


class TableError(StageError):
    """A table that is missing, damaged or of other columns: names it and how to rebuild it."""


def contracts(config: Config) -> dict[str, Contract]:
    """The contracts of a config's tables; many of their columns follow its plugins."""
    layout = layout_of(config)
    found = [
        *evaluated.contracts(layout),
        *mapped.contracts(layout),
        *diagnosed.contracts(layout),
        *judged.contracts(layout),
    ]
    return {contract.name: replace(contract, config=config.results_hash) for contract in found}


def names(config: Config, *stages: str) -> list[str]:
    """The tables that stages write, in order; without any stage, those of all."""
    found = contracts(config).values()
    return [contract.name for contract in found if not stages or contract.stage in stages]


def parts(config: Config, stage: str) -> list[str]:
    """The tables that a stage writes a part of for each shard."""
    return [found.name for found in contracts(config).values() if found.parts_of == stage]


def of_seeds(config: Config) -> list[str]:
    """The tables of a row a seed."""
    return [found.name for found in contracts(config).values() if found.keys]


def write(path: Path | str, frame: pd.DataFrame, contract: Contract) -> None:
    """Check a table and write it as CSV, columns in the order of its contract."""
    write_pieces(path, [frame], contract)


def write_pieces(path: Path | str, pieces: Iterable[pd.DataFrame], contract: Contract) -> None:
    """``write`` for a table that comes in pieces, of which one at a time is held."""

    def write_rows(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            # Half the time of ``to_csv``, which for large tables is most of their stage's.
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(contract.names)
            for piece in pieces:
                _check(Path(path), list(piece.columns), contract)
                for first in range(0, len(piece), paged.PAGE_ROWS):
                    page = piece.iloc[first : first + paged.PAGE_ROWS]
                    columns = [
                        _cells(page[column.name], column, contract) for column in contract.columns
                    ]
                    writer.writerows(zip(*columns, strict=True))

    archives.write_atomically(path, write_rows)
    seal = f"# of config {contract.config}\n{archives.digest(path)}  {Path(path).name}\n"
    archives.write_text(seal_file(path), seal)


def _cells(values: pd.Series, column: Column, contract: Contract) -> list[Any]:
    """A column as it is written: numbers by their shortest digits, nothing for a missing value."""
    if column.kind == "text" and isinstance(values.dtype, pd.CategoricalDtype):
        typed = values
    else:
        typed = values.astype("str" if column.kind == "text" else KINDS[column.kind])
    if column.kind == "text" or column.name in contract.keys:  # few: each is turned into text once
        codes, distinct = pd.factorize(typed)
        texts = [*map(str, distinct.tolist()), ""]  # the code of what is missing is −1
        return np.array(texts, dtype=object)[codes].tolist()
    cells: list[Any] = typed.to_numpy(dtype=TYPES[column.kind], na_value=0).tolist()
    for place in np.flatnonzero(typed.isna()):
        cells[place] = ""
    return cells


def read(path: Path | str, contract: Contract) -> pd.DataFrame:
    """Read a table and check its columns; texts are categories.

    Raises:
        TableError: if the file is missing, damaged, of another config or has other columns.
    """
    path = Path(path)
    _check_seal(path, contract)
    return part_files.concat(list(_parsed(path, path, contract)))


def load(config: Config, folder: Path | str, names: Iterable[str]) -> dict[str, Any]:
    """Tables by name: those of a row a seed as ``Rows``, the others whole.

    Raises:
        TableError: as ``read``.
    """
    found = contracts(config)
    return {
        name: (open_rows if found[name].keys else read)(Path(folder) / f"{name}.csv", found[name])
        for name in names
    }


def open_rows(path: Path | str, contract: Contract) -> Rows:
    """Open a table of a row a seed, of any number of rows.

    Raises:
        TableError: as ``read``.
    """
    path = Path(path)
    _check_seal(path, contract)
    try:
        names = _header(path)
        starts, n_rows = _page_starts(path)
    except (OSError, ValueError, csv.Error) as error:
        raise _refuse(path, f"cannot be read ({error})") from error
    _check(path, names, contract)

    def read_part(first: int, end: int) -> pd.DataFrame:
        with path.open("rb") as file:
            header = file.readline()
            file.seek(first)
            return next(_parsed(path, io.BytesIO(header + file.read(end - first)), contract))

    return Rows(contract.keys, lambda i: read_part(*starts[i : i + 2]), len(starts) - 1, n_rows)


def _header(path: Path) -> list[str]:
    """The names of a table's columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def _page_starts(path: Path) -> tuple[list[int], int]:
    """The byte at which each page of a table begins, and the end; and its rows. A row is a line."""
    starts: list[int] = []
    n_lines = position = 0
    with path.open("rb") as file:
        while block := file.read(2**22):
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
            wanted = ends[-n_lines % paged.PAGE_ROWS :: paged.PAGE_ROWS]
            starts += (position + wanted + 1).tolist()
            n_lines, position = n_lines + len(ends), position + len(block)
    ends_with_page = len(starts) > 1 and starts[-1] == position
    return starts if ends_with_page else [*starts, position], n_lines - 1


def _parsed(path: Path, source: Any, contract: Contract) -> Iterator[pd.DataFrame]:
    """The rows of a table, or of a part of one, in chunks; one that is empty if there are none."""
    text = [c.name for c in contract.columns if c.kind == "text"]
    try:
        with pd.read_csv(
            source,
            dtype=dict.fromkeys(text, "str"),  # categories would turn texts like 0.1 into numbers
            keep_default_na=False,
            na_values={c: [""] for c in contract.names if c not in text},
            chunksize=paged.PAGE_ROWS,
        ) as chunks:
            for chunk in chunks:
                yield _checked(path, chunk, contract)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise _refuse(path, f"cannot be read ({error})") from error


def seal_file(path: Path | str) -> Path:
    """Checksum and config of a table, as sha256sum reads them: CSV alone cannot show a cut."""
    return Path(f"{path}.sha256")


def seal_of(path: Path) -> tuple[str, str]:
    """Checksum and config that a table is sealed with; empty where there is no seal."""
    try:
        lines = seal_file(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return "", ""
    of_config = lines[0].split()[-1] if lines[:1] and lines[0].startswith("# of config") else ""
    return (lines[-1].split() or [""])[0] if lines else "", of_config


def _check_seal(path: Path, contract: Contract) -> None:
    """Refuse a table without its seal, or that is another than the one that was sealed."""
    if not path.exists():
        return
    digest, of_config = seal_of(path)
    if digest != archives.digest(path):
        what = f"({seal_file(path).name} differs, or is not there)"
        raise _refuse(path, f"is not as it was written {what}")
    if contract.config and of_config != contract.config:
        raise _refuse(path, f"is of config {of_config} where {contract.config} is needed")


def _refuse(path: Path, why: str) -> TableError:
    return TableError(f"{path} {why}; delete it and run again to rebuild it")


def _check(path: Path, names: Sequence[str], contract: Contract) -> None:
    missing = [name for name in contract.names if name not in names]
    unknown = [name for name in names if name not in contract.names]
    if missing or unknown:
        columns = f"missing columns {missing}, unknown columns {unknown}"
        raise _refuse(path, f"is not a table {contract.name!r}: {columns}")


def _checked(path: Path, chunk: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    _check(path, list(chunk.columns), contract)
    wanted = {column.name: KINDS[column.kind] for column in contract.columns}
    return chunk.astype({name: kind for name, kind in wanted.items() if chunk[name].dtype != kind})


def document(contracts: dict[str, Contract]) -> str:
    """The text of a README.md of tables: every one, every column."""
    lines = [
        "# Tables",
        "",
        "The tables of a book are in `results/<book>/tables/`, as CSV in UTF-8 with a header, each",
        "with its SHA-256 beside it. Numbers are written with as many digits as it takes to read",
        "the same float64 back; an empty field is a value that does not exist. Which options,",
        "parameters and errors have columns follows from the book's config. All of `results/` is",
        "generated, but for `README.md` (`make docs`) and `published/` (`make publish`).",
        "",
    ]
    for contract in contracts.values():
        lines += [f"## {contract.name}.csv", "", contract.summary, ""]
        lines += ["| column | kind | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{c.name}` | {c.kind} | {c.meaning} |" for c in contract.columns]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"
