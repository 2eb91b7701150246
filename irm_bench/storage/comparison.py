"""The tables of a fresh run against those of a published one.

The same config and packages give the same bits on every x86-64 processor with AVX2, but for losses
through rows and what ``tests/unit/test_small.py`` lists. Elsewhere libraries round differently:
numbers must then agree to ``RELATIVE`` or ``ABSOLUTE``, texts and counts exactly. Of tables too
large to publish, sums over blocks must agree as closely (``block_sums.py``).

The published files are compared with their seals first: ``SHA256SUMS`` has a checksum of each, and
``about.json`` that of every table. What is wrong with a table is one line of it, never an error.
"""

import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import config
from irm_bench.storage import archives, block_sums, tables

RELATIVE, ABSOLUTE = 1e-6, 1e-9
SEALS = "SHA256SUMS"
WHOLE, COMPRESSED, SUMS = ".csv", ".csv.xz", ".sums.csv"


@dataclass(frozen=True)
class Comparison:
    """A table of both runs: how many of its values are the same, near, or neither.

    ``of_sums``: the values are sums over blocks of its rows. A file that is no table can have a
    ``problem`` too.
    """

    table: str
    is_same_file: bool
    n_values: int = 0
    n_same: int = 0
    n_near: int = 0
    n_far: int = 0
    largest: float = 0.0
    problem: str = ""
    of_sums: bool = False

    @property
    def is_good(self) -> bool:
        return not self.problem and not self.n_far


class _DifferenceError(Exception):
    """What is wrong with a table, in words."""


def about(published: Path) -> dict[str, Any]:
    """What the published run says of itself: config_hash, version, platform, tables' checksums.

    Raises:
        OSError, ValueError: it does not.
    """
    told = json.loads((published / "about.json").read_text(encoding="utf-8"))
    if not isinstance(told, dict) or not isinstance(told.get("tables"), dict):
        raise ValueError("no list of tables")
    return told


def is_comparable(parsed: config.Config, published: Path) -> bool:
    """Whether the published run is one of this config, or cannot even say of which it is."""
    if not (published / "about.json").exists():
        return False
    try:
        return bool(about(published).get("config_hash") == parsed.results_hash)
    except (OSError, ValueError):
        return True


def compare(fresh: Path, published: Path, sums_again: bool = True) -> list[Comparison]:
    """Every table of both runs, and every published file that is not as it was published.

    ``fresh`` is the folder of the fresh tables, ``published`` that of the published run. With
    ``sums_again`` the sums of a large table are made even where it is the published one to the
    bit: what is kept of it is then known to be its own.
    """
    try:
        told = about(published)
    except (OSError, ValueError) as error:
        return [Comparison("about.json", False, problem=f"cannot be read ({_line(error)})")]
    seals = dict(_seals(published))
    found = [Comparison(path, False, problem=why) for path, why in _unsealed(published, seals)]
    names = dict.fromkeys([*told["tables"], *sorted(path.stem for path in fresh.glob("*.csv"))])
    return [*found, *(_table(name, fresh, published, told, sums_again) for name in names)]


def seal(published: Path) -> None:
    """Write the checksum of every file of a published run, as sha256sum reads them."""
    lines = [f"{archives.digest(published / path)}  {path}\n" for path in _files(published)]
    archives.write_text(published / SEALS, "".join(lines))


def _seals(published: Path) -> Iterator[tuple[str, str]]:
    """Path and checksum of the published files."""
    try:
        lines = (published / SEALS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return  # then every file there is stands without a seal
    for line in lines:
        digest, _, path = line.partition("  ")
        yield path, digest


def _files(published: Path) -> list[str]:
    paths = (path for path in published.rglob("*") if path.is_file() and path.name != SEALS)
    return sorted(path.relative_to(published).as_posix() for path in paths)


def _unsealed(published: Path, seals: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Published files that are missing, not as they were published, or were not published."""
    there = _files(published)
    for path in sorted({*there, *seals}):
        if path not in there:
            yield path, "published, and not there"
        elif path not in seals:
            yield path, f"has no checksum in {SEALS}"
        elif archives.digest(published / path) != seals[path]:
            yield path, f"is not as it was published ({SEALS} differs)"


def _table(
    name: str, fresh: Path, published: Path, told: dict[str, Any], sums_again: bool
) -> Comparison:
    """One table of both runs."""
    path, kept = fresh / f"{name}.csv", published / "tables"
    try:
        if name not in told["tables"]:
            raise _DifferenceError("not in the published run")
        _check_fresh(path, told.get("config_hash"))
        digest = told["tables"][name]
        if archives.digest(path) == digest:
            return _the_same(name, path, kept, digest, sums_again)
        return _another(name, path, kept, digest)
    except _DifferenceError as difference:
        return Comparison(name, False, problem=str(difference))
    except (OSError, ValueError, EOFError, lzma.LZMAError) as error:
        return Comparison(name, False, problem=f"cannot be read ({_line(error)})")


def _check_fresh(path: Path, config_hash: Any) -> None:
    """Refuse a fresh table that is not as it was written, or of another config."""
    if not path.exists():
        raise _DifferenceError("not in the fresh run")
    digest, of_config = tables.seal_of(path)
    if digest != archives.digest(path):
        raise _DifferenceError("not as it was written (its seal differs, or is not there)")
    if of_config != config_hash:
        raise _DifferenceError(f"of config {of_config}, published is one of config {config_hash}")


def _the_same(name: str, fresh: Path, folder: Path, digest: str, sums_again: bool) -> Comparison:
    """A fresh table that is the published one to the bit, and what was published of it."""
    kept, sums = _kept_whole(name, folder, digest), folder / f"{name}{SUMS}"
    if kept is None and sums_again and not _by_sums(name, fresh, sums).is_good:
        raise _DifferenceError("its published sums are not those of its checksum")
    n_values = read(sums if kept is None else fresh).size
    return Comparison(name, True, n_values, n_values, of_sums=kept is None)


def _another(name: str, fresh: Path, folder: Path, digest: str) -> Comparison:
    """A fresh table against what was published of it."""
    kept = _kept_whole(name, folder, digest)
    if kept is None:
        return _by_sums(name, fresh, folder / f"{name}{SUMS}")
    return values(name, read(fresh), read(kept))


def _kept_whole(name: str, folder: Path, digest: str) -> Path | None:
    """The published file of a table; None where only its sums were published."""
    for path in (folder / f"{name}{WHOLE}", folder / f"{name}{COMPRESSED}"):
        if path.exists():
            content = path.read_bytes()
            content = lzma.decompress(content) if path.suffix == ".xz" else content
            if archives.digest_of(content) != digest:
                what = "its published file is not the one whose checksum is published"
                raise _DifferenceError(what)
            return path
    if not (folder / f"{name}{SUMS}").exists():
        raise _DifferenceError("nothing of it is published")
    return None


def _by_sums(name: str, fresh: Path, sums: Path) -> Comparison:
    new = block_sums.of_table(fresh)
    # a checksum may look like a number, as 14995000 and 992e5012 do
    old = read(sums, dict.fromkeys(new.select_dtypes(exclude="number").columns, "str"))
    found = values(name, new, old, relative=0.0, absolute=block_sums.TOLERANCE)
    return replace(found, of_sums=True)


def read(path: Path, kinds: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A table as it is written, or with columns of some kinds; an empty text is a text."""
    frame = pd.read_csv(
        path, keep_default_na=False, na_values=[""], dtype=dict(kinds or {}), low_memory=False
    )
    texts = frame.select_dtypes(exclude="number").columns
    return frame.assign(**{name: frame[name].fillna("") for name in texts})


def values(
    name: str,
    new: pd.DataFrame,
    old: pd.DataFrame,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> Comparison:
    """Count the values that agree to the bit, within tolerance, or not."""
    if list(new.columns) != list(old.columns) or len(new) != len(old):
        shapes = " rows and columns, published ".join(str(frame.shape) for frame in (new, old))
        return Comparison(name, False, problem=f"of another shape: {shapes}")
    same = near = 0
    largest = 0.0
    for column in old:
        here, there = new[column], old[column]
        equal = ((here == there) | (here.isna() & there.isna())).to_numpy(dtype=bool)
        close = equal.copy()
        if here.dtype.kind == there.dtype.kind == "f":
            close |= np.isclose(here, there, rtol=relative, atol=absolute)
            largest = max(largest, _difference(here, there, equal))
        same, near = same + int(equal.sum()), near + int((close & ~equal).sum())
    n = old.size
    return Comparison(name, False, n, same, near, n - same - near, largest)


def _difference(here: pd.Series, there: pd.Series, equal: np.ndarray) -> float:
    """Largest relative difference of what differs by more than the absolute tolerance."""
    gap = (here - there).abs().to_numpy()
    size = np.maximum(there.abs().to_numpy(), ABSOLUTE)
    found = (gap / size)[~equal & (gap > ABSOLUTE)]
    return float(found.max()) if len(found) else 0.0


def _line(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:200]
