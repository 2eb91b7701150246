"""Tables of a row a seed, which need not fit in memory: looked up by what tells their rows apart.

A *page* is as many rows as are read at once; a *piece*, the rows of a page that have equal keys
(``Contract.keys``). What is held is the list of the pieces, which hardly grows with the number of
seeds, and the pages that were read last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.storage import part_files

# In text at its full length some tens of MB; in memory about a hundred bytes a row.
PAGE_ROWS = 2**17
HELD_PAGES = 3
# Values of keys whose places are held: a byte a piece each.
HELD_VALUES = 500

Pages = Callable[[int], pd.DataFrame]


class Rows:
    """A table, page by page."""

    def __init__(self, keys: Sequence[str], page: Pages, n_pages: int, n_rows: int):
        """``page`` reads a page, by its number; none is read before rows or keys are asked for."""
        self.keys = list(keys)
        self._page = lru_cache(HELD_PAGES)(page)
        self._n_pages = n_pages
        self._n_rows = n_rows

    @classmethod
    def of(cls, frame: pd.DataFrame, keys: Sequence[str]) -> "Rows":
        """A table that is in memory already."""
        return cls([key for key in keys if key in frame], lambda number: frame, 1, len(frame))

    def __len__(self) -> int:
        return self._n_rows

    @cached_property
    def pieces(self) -> pd.DataFrame:
        """One row a piece, in order: its keys, _page, and its rows in that from _first to _end."""
        return part_files.concat(
            [_pieces(self.keys, i, self._page(i)) for i in range(self._n_pages)]
        )

    @cached_property
    def _values(self) -> dict[str, np.ndarray]:
        return {str(name): column.to_numpy() for name, column in self.pieces.items()}

    def find(self, **where: Any) -> pd.DataFrame:
        """The rows whose keys have the given values, in order."""
        return self._take(self._places(where))

    def select(self, **where: Any) -> pd.DataFrame:
        """The pieces whose keys have the given values."""
        return self.pieces.iloc[self._places(where)]

    def read(self, pieces: pd.DataFrame) -> pd.DataFrame:
        """The rows of some of the pieces."""
        return self._take(pieces.index.to_numpy())

    def batches(self, by: Sequence[str], pieces: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """The rows of some of the pieces, all that are equal in the keys ``by`` in one frame.

        A frame has about ``PAGE_ROWS`` rows, or more where so many are equal. Without any piece
        there is one, without rows.
        """
        if pieces.empty:
            yield self.read(pieces)
            return
        group = pieces.groupby(list(by), sort=False, dropna=False).ngroup().to_numpy()
        sizes = np.bincount(group, pieces["_end"] - pieces["_first"])
        batch = (np.cumsum(sizes) - sizes) // PAGE_ROWS
        for _, found in pieces.groupby(batch[group]):
            yield self.read(found)

    def _places(self, where: Mapping[str, Any]) -> np.ndarray:
        chosen = np.ones(len(self.pieces), dtype=bool)
        for key, value in where.items():
            chosen &= self._with_value(key, type(value), value)
        return np.flatnonzero(chosen)

    @cached_property
    def _with_value(self) -> Callable[[str, type, Any], np.ndarray]:
        """Where a key has a value, by piece: claims ask for the same few values over and over.

        The type is told too, as 1 and 1.0 are one key of a cache.
        """

        @lru_cache(HELD_VALUES)
        def of(key: str, kind: type, value: Any) -> np.ndarray:
            return _equal(self._values[key], value)

        return of

    def _take(self, places: np.ndarray) -> pd.DataFrame:
        numbers = self._values["_page"][places]
        parts = [self._rows(n, places[numbers == n]) for n in np.unique(numbers).tolist()]
        if len(parts) > 1:
            return part_files.concat(parts)
        return parts[0] if parts else self._page(0).iloc[:0]

    def _rows(self, number: int, places: np.ndarray) -> pd.DataFrame:
        """The rows of pieces of one page."""
        first, end = (self._values[name][places] for name in ("_first", "_end"))
        if (first[1:] == end[:-1]).all():
            return self._page(number).iloc[first[0] : end[-1]]
        return self._page(number).iloc[np.concatenate([*map(np.arange, first, end)])]


def _pieces(keys: Sequence[str], number: int, page: pd.DataFrame) -> pd.DataFrame:
    codes = np.array([pd.factorize(page[key])[0] for key in keys])
    changes = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
    first = np.flatnonzero(np.concatenate([[len(page) > 0], changes])[: len(page)])
    heads = page[list(keys)].iloc[first].reset_index(drop=True)
    return heads.assign(_page=number, _first=first, _end=np.append(first[1:], len(page)))


def _equal(column: np.ndarray, value: Any) -> np.ndarray:
    """Where a key has a value; floats to their last bits, NaN equal to NaN."""
    if isinstance(value, float):
        return np.isclose(column.astype(float), value, rtol=1e-12, atol=0, equal_nan=True)
    return np.asarray(column == value, dtype=bool)
