"""``python -m irm_bench.verify``: the tables of a fresh run against those of the published one.

On the platform of the published run, the same config gives the same bits. On another one, libraries
round differently: numbers must then agree to ``RELATIVE`` or ``ABSOLUTE``, texts and counts
exactly.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import config
from irm_bench.storage import archives

RELATIVE, ABSOLUTE = 1e-6, 1e-9
PUBLISHED, FRESH = Path("results/published"), Path("results/tables")


@dataclass(frozen=True)
class Comparison:
    """A table of both runs: how many of its values are the same, near, or neither."""

    table: str
    is_same_file: bool
    n_values: int = 0
    n_same: int = 0
    n_near: int = 0
    n_far: int = 0
    largest: float = 0.0
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problem and not self.n_far


def about(published: Path) -> dict[str, Any]:
    """What the published run says of itself: config_hash, version, code, and files' checksums."""
    return json.loads((published / "about.json").read_text(encoding="utf-8"))


def compare(fresh: Path, published: Path) -> list[Comparison]:
    """Every table of the published run against the fresh one of the same name."""
    sums = about(published)["tables"]
    return [_table(name, fresh / f"{name}.csv", digest, published) for name, digest in sums.items()]


def _table(name: str, fresh: Path, digest: str, published: Path) -> Comparison:
    if not fresh.exists():
        return Comparison(name, False, problem="not in the fresh run")
    is_same = archives.digest(fresh) == digest
    kept = sorted((published / "tables").glob(f"{name}.csv*"))
    if not kept:
        return Comparison(name, is_same)
    return values(name, is_same, read(fresh), read(kept[0]))


def read(path: Path) -> pd.DataFrame:
    """A table as it is written; an empty text is a text."""
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    texts = frame.select_dtypes(exclude="number").columns
    return frame.assign(**{name: frame[name].fillna("") for name in texts})


def values(name: str, is_same: bool, new: pd.DataFrame, old: pd.DataFrame) -> Comparison:
    """Count the values that agree to the bit, within tolerance, or not."""
    if list(new.columns) != list(old.columns) or len(new) != len(old):
        shapes = " rows and columns, published ".join(str(frame.shape) for frame in (new, old))
        return Comparison(name, is_same, problem=f"of another shape: {shapes}")
    same = near = 0
    largest = 0.0
    for column in old:
        here, there = new[column], old[column]
        equal = ((here == there) | (here.isna() & there.isna())).to_numpy(dtype=bool)
        close = equal.copy()
        if here.dtype.kind == there.dtype.kind == "f":
            close |= np.isclose(here, there, rtol=RELATIVE, atol=ABSOLUTE)
            largest = max(largest, _difference(here, there, equal))
        same, near = same + int(equal.sum()), near + int((close & ~equal).sum())
    n = old.size
    return Comparison(name, is_same, n, same, near, n - same - near, largest)


def _difference(here: pd.Series, there: pd.Series, equal: np.ndarray) -> float:
    """Largest relative difference of what differs by more than the absolute tolerance."""
    gap = (here - there).abs().to_numpy()
    size = np.maximum(there.abs().to_numpy(), ABSOLUTE)
    found = (gap / size)[~equal & (gap > ABSOLUTE)]
    return float(found.max()) if len(found) else 0.0


def is_comparable(parsed: config.Config, published: Path) -> bool:
    """Whether the published run is one of this config."""
    return (published / "about.json").exists() and about(published)[
        "config_hash"
    ] == parsed.results_hash


def lines(found: list[Comparison]) -> Iterator[str]:
    """What to tell, a line a table."""
    for c in found:
        if c.problem:
            yield f"{c.table}: {c.problem}"
        elif c.is_same_file:
            yield f"{c.table}: same bits"
        elif not c.n_values:
            yield f"{c.table}: not the same bits; of this table only the checksum is published"
        else:
            yield (
                f"{c.table}: {c.n_same:,} of {c.n_values:,} values the same, {c.n_near:,} within "
                f"tolerance, {c.n_far:,} not (largest relative difference {c.largest:.2g})"
            )


def main(arguments: list[str] | None = None) -> int:
    """Compare and tell; 0 where everything agrees."""
    parser = argparse.ArgumentParser(prog="python -m irm_bench.verify", description=__doc__)
    parser.add_argument("fresh", type=Path, nargs="?", default=FRESH)
    parser.add_argument("published", type=Path, nargs="?", default=PUBLISHED)
    given = parser.parse_args(arguments)
    if not (given.published / "about.json").exists():
        print(f"error: {given.published} holds no published run", file=sys.stderr)
        return 1
    found = compare(given.fresh, given.published)
    print("\n".join(lines(found)))
    bad = [c.table for c in found if not c.is_good]
    if bad:
        print(f"error: the fresh run differs from the published one: {', '.join(bad)}")
        return 1
    same = sum(c.is_same_file for c in found)
    rest = f"; numbers of the others within {RELATIVE:g} (or {ABSOLUTE:g}, near zero)"
    print(f"The published run is reproduced: {same} of {len(found)} tables to the bit", end="")
    print(rest if same < len(found) else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
