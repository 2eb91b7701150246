"""What moved since a former page: values, by how much, whether intervals overlap, and verdicts."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.report import bundle
from irm_bench.storage.tables import TableError

# Columns of a summary that are what was found, not what it is about.
FOUND = ("n_seeds", "n_diverged", "mean", "sd", "ci_low", "ci_high")
VALUES = ("mean", "ci_low", "ci_high", "n_seeds")
MOST_MOVES = 40  # of the largest, in the page


@dataclass(frozen=True)
class Baseline:
    """A former page: what it says of itself, and the tables that it holds."""

    about: Mapping[str, Any]
    frames: Mapping[str, pd.DataFrame]

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.about.get("provenance", {})

    def tables(self, now: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The tables of the section: ``changes``, ``moves`` and ``verdict_changes``."""
        if not {"summary"} <= set(now) & set(self.frames):
            return {}
        pairs = compare(self.frames["summary"], now["summary"])
        found = {"changes": overview(pairs), "moves": moves(pairs)}
        if {"claims"} <= set(now) & set(self.frames):
            found["verdict_changes"] = verdicts(self.frames["claims"], now["claims"])
        return found


def load(path: Path) -> Baseline:
    """A former page.

    Raises:
        TableError: if it cannot be read or holds no data package.
    """
    try:
        found = bundle.read(path.read_text(encoding="utf-8"))
        frames = {i.name: _frame(i.content()) for i in found["tables"] if i.is_embedded}
    except (OSError, UnicodeDecodeError, bundle.PackageError) as error:
        raise TableError(f"the baseline {path} cannot be compared with: {error}") from error
    return Baseline(found, frames)


def _frame(content: bytes) -> pd.DataFrame:
    frame = pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[""])
    texts = frame.select_dtypes(exclude="number").columns
    return frame.assign(**{name: frame[name].fillna("") for name in texts})


def compare(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Means of both, side by side (suffixes _before, _now), for every key that either has."""
    keys = [key for key in now if key not in FOUND and key in before]
    both = [frame[[*keys, *VALUES]].astype(dict.fromkeys(keys, str)) for frame in (before, now)]
    pairs = both[0].merge(
        both[1], on=keys, how="outer", suffixes=("_before", "_now"), indicator="found_in"
    )
    pairs["moved_by"] = pairs["mean_now"] - pairs["mean_before"]
    same = pairs["mean_now"].eq(pairs["mean_before"])
    pairs["same"] = same | (pairs["mean_now"].isna() & pairs["mean_before"].isna())
    pairs["apart"] = (pairs["ci_low_now"] > pairs["ci_high_before"]) | (
        pairs["ci_low_before"] > pairs["ci_high_now"]
    )
    width = (pairs["ci_high_before"] - pairs["ci_low_before"]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs["in_intervals"] = np.where(width > 0, pairs["moved_by"].abs() / width, np.nan)
    return pairs


def overview(pairs: pd.DataFrame) -> pd.DataFrame:
    """By study and quantity: values compared, the same to the bit, moved, and apart."""
    both = pairs["found_in"] == "both"
    marked = pairs.assign(
        compared=both,
        same=pairs["same"] & both,
        moved=~pairs["same"] & both,
        apart=pairs["apart"] & both,
        only_before=pairs["found_in"] == "left_only",
        only_now=pairs["found_in"] == "right_only",
    )
    counts = ["compared", "same", "moved", "apart", "only_before", "only_now"]
    groups = marked.groupby(["study", "quantity"], sort=False)
    found = groups[counts].sum().astype(int)
    found["largest_in_intervals"] = groups["in_intervals"].max()
    return found.reset_index()


def moves(pairs: pd.DataFrame) -> pd.DataFrame:
    """The values that moved most, in halves of their former interval's width."""
    moved = pairs[(pairs["found_in"] == "both") & ~pairs["same"] & pairs["ci_method"].eq("t")]
    ranked = moved.sort_values("in_intervals", ascending=False, kind="stable")
    return ranked.head(MOST_MOVES).drop(columns=["found_in", "same"]).reset_index(drop=True)


def verdicts(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Verdict and estimate of every claim that either page has."""
    columns = ["claim", "title", "verdict", "estimate", "ci_low", "ci_high"]
    both = before[columns].merge(
        now[columns], on="claim", how="outer", suffixes=("_before", "_now")
    )
    both["title"] = both["title_now"].fillna(both["title_before"])
    both["is_changed"] = both["verdict_before"] != both["verdict_now"]
    texts = both.select_dtypes(exclude="number").columns
    both = both.assign(**{n: both[n].fillna("") for n in texts if n.startswith("verdict")})
    order = {claim: i for i, claim in enumerate(now["claim"])}
    return both.sort_values("claim", key=lambda c: c.map(order)).reset_index(drop=True)
