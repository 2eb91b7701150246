"""The tables of a fresh run against those of a published one.

On the platform of the published run, the same config gives the same bits. On another one, libraries
round differently: numbers must then agree to ``RELATIVE`` or ``ABSOLUTE``, texts and counts
exactly.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import config
from irm_bench.storage import archives

RELATIVE, ABSOLUTE = 1e-6, 1e-9


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
