"""Every number of the page, looked up by name in a table, and remembered with its place there."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from irm_bench.presentation import numbers
from irm_bench.storage.tables import TableError

# Of the columns that tell rows apart, those that are seldom needed for it.
OF_STEPS = ("learning_rate", "steps")

# What is smaller than this is the rounding error of a zero.
ROUNDING = 1e-12

# Texts longer than this are no keys.
LONGEST_KEY = 40


@dataclass(frozen=True)
class Entry:
    """One number of a table, with its interval if it has one."""

    table: str
    row: int
    column: str
    about: str
    value: float
    low: float
    high: float
    n_seeds: int | None
    n_diverged: int

    def __float__(self) -> float:
        return self.value

    @property
    def exists(self) -> bool:
        """False where every run diverged."""
        return math.isfinite(self.value)

    @property
    def line(self) -> int:
        """The line of the CSV file, whose first one is the header."""
        return self.row + 2

    @property
    def anchor(self) -> str:
        return f"n-{self.table.replace('/', '-')}-{self.line}-{self.column}"

    @cached_property
    def short(self) -> str:
        """For prose: three significant digits, or fewer where the interval is wide."""
        if not self.exists:
            return "no value (all runs diverged)"
        whole = self.n_seeds is None and (self.column == "value" or self.value.is_integer())
        return numbers.plain(self.value) if whole else self._rounded

    @property
    def _rounded(self) -> str:
        return numbers.significant(self.value, numbers.digits(self.value, self.low, self.high, 3))

    @cached_property
    def parts(self) -> tuple[str, str, str]:
        """Estimate, lower and upper bound."""
        return numbers.interval(self.value, self.low, self.high)

    @property
    def title(self) -> str:
        parts = [f"{self.table}, line {self.line}: {self.about}"]
        if self.n_seeds is not None:
            parts.append(f"mean over {self.n_seeds} seeds")
        if math.isfinite(self.low):
            parts.append(f"95% t interval {self.parts[1]} to {self.parts[2]}")
        return "; ".join(parts)

    def link(self, text: str) -> Markup:
        return Markup('<a class="num" href="#{}" title="{}">{}</a>').format(
            self.anchor, self.title, text
        )

    def cell(self, text: str) -> Markup:
        """Linked, in a table, whose heads say what it is."""
        return Markup('<a class="num" href="#{}">{}</a>').format(self.anchor, text)

    def __html__(self) -> Markup:
        return self.link(self.short)

    def digits_only(self, n: int) -> str:
        """With so many significant digits, not linked."""
        return numbers.significant(self.value, n)

    def digits(self, n: int) -> Markup:
        """Linked, with so many significant digits."""
        return self.link(numbers.significant(self.value, n))

    @property
    def _exactly(self) -> str:
        whole = self.exists and self.value.is_integer()
        return numbers.plain(self.value) if whole else numbers.significant(self.value, 6)

    @property
    def full(self) -> str:
        """With its interval, not linked."""
        if not math.isfinite(self.low):
            return self._exactly if self.column == "value" else self.short
        value, low, high = self.parts
        return f"{value} [{low}, {high}]"

    @property
    def ci(self) -> Markup:
        """For a table, linked, with its interval: ``0.234 [0.233, 0.236]``."""
        if not math.isfinite(self.low):
            return self.cell(self.short)
        return self.between(self.low, self.high)

    def between(self, low: float, high: float) -> Markup:
        """Linked, with bounds; alone where every seed has the same value: there is no interval."""
        if abs(self.value) < ROUNDING and abs(high - low) < ROUNDING:
            return self.cell("0")
        if abs(high - low) <= ROUNDING * abs(self.value):
            return self.cell(self.short)
        value, lower, upper = numbers.interval(self.value, low, high)
        return self.cell(value) + Markup(' <span class="ci">[{}, {}]</span>').format(lower, upper)


class Absent(Entry):
    """A number that the results do not have: it has no value, and no place to link to."""

    @property
    def short(self) -> str:  # type: ignore[override]
        return "no value"

    def link(self, text: str) -> Markup:
        return Markup('<span class="num">{}</span>').format(text)

    def cell(self, text: str) -> Markup:
        return Markup("{}").format(text)


def compare(a: Entry, b: Entry) -> int | None:
    """−1, 0 or 1 as ``a`` is below, not clearly different from, or above ``b``.

    Not clearly different: their intervals overlap. None: one of them has no value.
    """
    if not (a.exists and b.exists):
        return None
    if _end(a.high, a.value) < _end(b.low, b.value):
        return -1
    return int(_end(a.low, a.value) > _end(b.high, b.value))


def _end(bound: float, value: float) -> float:
    return bound if math.isfinite(bound) else value


class Ledger:
    """Tables by name; ``value`` looks a number up and keeps it for the list of sources.

    ``row_keys`` names the columns that tell a table's rows apart; by default its texts do.
    ``words`` says for people what the keys of a row are.
    """

    def __init__(
        self,
        frames: Mapping[str, pd.DataFrame],
        row_keys: Mapping[str, Sequence[str]] | None = None,
        words: Callable[[dict[str, Any]], str] | None = None,
    ):
        self.frames = dict(frames)
        self._words = words or plain_keys
        self._row_keys = dict(row_keys or {})
        self.cited: dict[str, Entry] = {}
        self.absent: list[tuple[str, dict[str, Any]]] = []
        self._key_columns: dict[str, list[str]] = {}
        self._arrays: dict[tuple[str, str], np.ndarray] = {}

    def __contains__(self, table: str) -> bool:
        return table in self.frames

    def rows(self, table: str, **keys: Any) -> pd.DataFrame:
        """The rows whose columns have these values; None stands for an empty cell.

        Raises:
            TableError: no such table or column.
        """
        frame = self._frame(table)
        return frame.iloc[self._places(table, keys)] if keys else frame

    def _frame(self, table: str) -> pd.DataFrame:
        if table not in self.frames:
            raise TableError(f"the report needs table {table!r}; known: {', '.join(self.frames)}")
        return self.frames[table]

    def _places(self, table: str, keys: Mapping[str, Any]) -> np.ndarray:
        """Where the rows stand whose columns have these values."""
        frame = self._frame(table)
        places = np.arange(len(frame))
        for column, wanted in keys.items():
            if column not in frame:
                raise TableError(f"table {table!r} has no column {column!r}")
            cells = self._cells(table, column)[places]
            places = places[pd.isna(cells) if wanted is None else cells == wanted]
        return places

    def _cells(self, table: str, column: str) -> np.ndarray:
        """A column as an array, made once: most look-ups are of the same few tables."""
        if (table, column) not in self._arrays:
            self._arrays[table, column] = self.frames[table][column].to_numpy()
        return self._arrays[table, column]

    def value(self, table: str, column: str = "", **keys: Any) -> Entry:
        """The number of the one row that fits ``keys``.

        ``column`` is by default ``mean``, or ``value`` in a table without means.

        Raises:
            TableError: if no row fits, or more than one.
        """
        return self._cite(table, column, self._one(self._places(table, keys), table, keys))

    def value_if(self, table: str, column: str = "", **keys: Any) -> Entry:
        """``value``, or a number without a value where no row fits ``keys``."""
        places = self._places(table, keys)
        if not len(places):
            nan = math.nan
            self.absent.append((table, keys))
            return Absent(table, 0, column, "not in the results", nan, nan, nan, None, 0)
        return self._cite(table, column, self._one(places, table, keys))

    def value_at(self, table: str, row: Any, column: str) -> Entry:
        """The number in a column of a row, by the row's index."""
        return self._cite(table, column, self._frame(table).index.get_loc(row))

    @staticmethod
    def _one(places: np.ndarray, table: str, keys: Mapping[str, Any]) -> int:
        if len(places) != 1:
            raise TableError(f"table {table!r} has {len(places)} rows with {keys}, not one")
        return int(places[0])

    def _cite(self, table: str, column: str, place: int) -> Entry:
        frame = self.frames[table]
        entry = self._entry(table, column or ("mean" if "mean" in frame else "value"), place)
        return self.cited.setdefault(entry.anchor, entry)

    def _entry(self, table: str, column: str, place: int) -> Entry:
        frame = self.frames[table]

        def cell(name: str, otherwise: Any = None) -> Any:
            return self._cells(table, name)[place] if name in frame else otherwise

        keys = {name: cell(name) for name in self._keys(table)}
        kept = {k: v for k, v in keys.items() if pd.notna(v) and v != ""}
        is_mean = column == "mean"
        return Entry(
            table=table,
            row=int(frame.index[place]),
            column=column,
            about=self._words({k: v for k, v in kept.items() if len(str(v)) <= LONGEST_KEY}),
            value=_number(cell(column)),
            low=_number(cell("ci_low")) if is_mean else math.nan,
            high=_number(cell("ci_high")) if is_mean else math.nan,
            n_seeds=int(cell("n_seeds")) if is_mean and "n_seeds" in frame else None,
            n_diverged=int(cell("n_diverged", 0)) if is_mean else 0,
        )

    def _keys(self, table: str) -> list[str]:
        """The columns that tell a table's rows apart; less those that are the same in all."""
        if table not in self._key_columns:
            frame = self.frames[table]
            texts = frame.select_dtypes(exclude=["number", "bool"]).columns
            declared = self._row_keys.get(table, texts)
            varied = [key for key in declared if len(frame[key].drop_duplicates()) > 1]
            fewer = [key for key in varied if key not in OF_STEPS]
            kept = varied if fewer and frame.duplicated(fewer).any() else fewer
            # an entry names the kind of its interval itself
            self._key_columns[table] = [key for key in kept if key != "ci_method"]
        return self._key_columns[table]


def plain_keys(keys: dict[str, Any]) -> str:
    """The keys of a row as the table has them: ``method erm, sigma 0.1``."""
    words = (f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in keys.items())
    return ", ".join(words)


def _number(cell: Any) -> float:
    return math.nan if cell is None or pd.isna(cell) else float(cell)
