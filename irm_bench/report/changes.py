"""What moved since a former page: values, by how much, whether intervals overlap, and verdicts."""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.report import bundle
from irm_bench.storage.tables import TableError

# What is needed of a summary to be compared, and of claims.
NEEDED = (
    "study",
    "method",
    "penalty",
    "n_samples",
    "split",
    "environment",
    "quantity",
    "ci_method",
    "n_seeds",
    "mean",
    "ci_low",
    "ci_high",
)
OF_CLAIMS = ("claim", "title", "verdict", "estimate", "ci_low", "ci_high")
MOST_DIFFERENCES = 100  # in the page
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
        """Its config's hash and commit, as far as it says."""
        told = self.about.get("provenance")
        told = told if isinstance(told, dict) else {}
        code = told.get("code")
        commit = code.get("commit") if isinstance(code, dict) else None
        return {"config_hash": told.get("config_hash"), "commit": commit}

    def tables(
        self, now: Mapping[str, pd.DataFrame], names: Collection[str]
    ) -> dict[str, pd.DataFrame]:
        """The tables of the section: ``former``, how much there is to compare; ``changes``,
        ``moves``, ``verdict_changes``, ``differences``, those that have rows.

        ``now`` are the tables that can be compared, ``names`` those of all tables of the new page.
        """
        pairs = compare(*self._of_both("summary", NEEDED, now))
        found = {
            "former": pd.DataFrame({"compared": [int((pairs["found_in"] == "both").sum())]}),
            "changes": overview(pairs),
            "moves": moves(pairs),
            "verdict_changes": verdicts(*self._of_both("claims", OF_CLAIMS, now)),
            "differences": self._differences(now, names),
        }
        return {name: frame for name, frame in found.items() if len(frame)}

    def _of_both(
        self, name: str, needed: Sequence[str], now: Mapping[str, pd.DataFrame]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """A table of either page; without rows where one of them lacks it or a needed column."""
        both = self.frames.get(name), now.get(name)
        if any(frame is None or not {*needed} <= {*frame} for frame in both):
            none = pd.DataFrame(columns=list(needed))
            return none, none
        return both  # type: ignore[return-value]

    def _differences(self, now: Mapping[str, pd.DataFrame], names: Collection[str]) -> pd.DataFrame:
        """Tables, columns, studies and claims that one page alone has."""
        before = [item.name for item in self.about.get("tables", [])]
        rows = _apart("table", before, names)
        for name in self.frames.keys() & now.keys():
            columns = _apart("column", self.frames[name].columns, now[name].columns)
            rows += [row | {"name": f"{name}.{row['name']}"} for row in columns]
        for what, table, column in (("study", "summary", "study"), ("claim", "claims", "claim")):
            both = [frames.get(table, pd.DataFrame()) for frames in (self.frames, now)]
            rows += _apart(what, *(frame.get(column, ()) for frame in both))
        frame = pd.DataFrame(rows, columns=["kind", "name", "where"])
        return frame.sort_values(["kind", "name"], ignore_index=True)[:MOST_DIFFERENCES]


def _apart(kind: str, before: Iterable[Any], now: Iterable[Any]) -> list[dict[str, str]]:
    """What only one of two lists has."""
    old, new = set(map(str, before)), set(map(str, now))
    gone = [{"kind": kind, "name": name[:99], "where": "former page alone"} for name in old - new]
    return gone + [{"kind": kind, "name": name, "where": "this page alone"} for name in new - old]


def load(path: Path) -> Baseline:
    """A former page.

    Raises:
        TableError: if it cannot be read or holds no data package.
    """
    try:
        found = bundle.read(bundle.open_page(path))
        frames = {i.name: _frame(i) for i in found["tables"] if i.is_embedded}
    except (OSError, bundle.PackageError) as error:
        raise TableError(f"the baseline {path} cannot be compared with: {error}") from error
    return Baseline(found, frames)


def _frame(item: bundle.Item) -> pd.DataFrame:
    """A table of a former page, with numbers where numbers belong."""
    try:
        text = io.BytesIO(item.content())
        frame = pd.read_csv(text, keep_default_na=False, na_values=[""], low_memory=False)
    except (ValueError, pd.errors.ParserError) as error:
        if isinstance(error, bundle.PackageError):
            raise
        raise bundle.PackageError(f"the table {item.name!r} of the page is no CSV") from None
    for name in (*VALUES, "estimate"):
        if name in frame:
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
    texts = frame.select_dtypes(exclude="number").columns
    return frame.assign(**{name: frame[name].fillna("") for name in texts})


def compare(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Means of both, side by side (suffixes _before, _now), for every key that either has."""
    keys = [key for key in now if key not in FOUND and key in before]
    both = [frame[[*keys, *VALUES]].astype(dict.fromkeys(keys, str)) for frame in (before, now)]
    # what tells rows apart may be in one of them alone: then they cannot be told apart in both
    both = [frame.drop_duplicates(keys, keep=False) for frame in both]
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
    texts = dict.fromkeys(("claim", "title", "verdict"), str)
    old, new = (
        frame[list(OF_CLAIMS)].drop_duplicates("claim").astype(texts) for frame in (before, now)
    )
    both = old.merge(new, on="claim", how="outer", suffixes=("_before", "_now"))
    both["title"] = both["title_now"].fillna(both["title_before"])
    both["is_changed"] = both["verdict_before"] != both["verdict_now"]
    texts = both.select_dtypes(exclude="number").columns
    both = both.assign(**{n: both[n].fillna("") for n in texts if n.startswith("verdict")})
    order = {claim: i for i, claim in enumerate(now["claim"])}
    return both.sort_values("claim", key=lambda c: c.map(order)).reset_index(drop=True)
