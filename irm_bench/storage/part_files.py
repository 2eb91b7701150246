"""Parts of tables between stages, as files of ``store``: texts are held as categories."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from irm_bench.storage import archives

TEXTS = "/texts"  # ends the name of the array that holds the distinct texts of a column
# Rows of merged parts held at once, or those of one cell where they are more (some 50 MB).
MAX_ROWS = 2**19


def write(path: Path | str, stage: str, config_hash: str, frame: pd.DataFrame) -> None:
    """Write a table, a column an array; of texts, which of the distinct ones; never pickled."""
    arrays: dict[str, np.ndarray] = {}
    for name, column in frame.items():
        if pd.api.types.is_numeric_dtype(column.dtype):
            arrays[str(name)] = _small(column.to_numpy())
        else:
            texts, which = np.unique(column.to_numpy(dtype=str), return_inverse=True)
            arrays |= {str(name): _small(which), f"{name}{TEXTS}": texts}
    archives.write_arrays(path, stage, config_hash, arrays)


def read(path: Path | str, stage: str, config_hash: str) -> pd.DataFrame:
    """Read what ``write`` wrote; texts are categories."""
    arrays = archives.read_arrays(path, stage, config_hash)
    texts = {name: arrays.pop(f"{name}{TEXTS}", None) for name in list(arrays)}
    return pd.DataFrame(
        {
            name: array
            if texts[name] is None
            else pd.Categorical.from_codes(array, categories=texts[name])
            for name, array in arrays.items()
        }
    )


def merged(
    paths: Sequence[Path], stage: str, config_hash: str, keys: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """Parts of a table as a whole, ordered by those of the keys that it has, in pieces.

    The first two keys number the cells, and a piece holds all rows of its cells. The parts are read
    once to count their rows, and once more for every piece.
    """
    counts = [_cell(read(path, stage, config_hash), keys).value_counts() for path in paths]
    sizes = pd.concat(counts).groupby(level=0).sum()
    piece = (sizes.cumsum() - sizes) // MAX_ROWS
    for _, cells in sizes.groupby(piece):
        parts = []
        for path in paths:
            part = read(path, stage, config_hash)
            parts.append(part[_cell(part, keys).between(cells.index[0], cells.index[-1])])
        whole = concat([part for part in parts if len(part)])
        yield whole.sort_values([key for key in keys if key in whole], ignore_index=True)


def _cell(frame: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """The first two keys as one number that orders as they do."""
    if frame.empty:
        return pd.Series(dtype=np.int64)
    first, second = (frame[key].astype(np.int64) for key in keys[:2])
    return first * 2**32 + second


def concat(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of categories, one below the other: each column over the categories of all."""
    texts: dict[str, set[str]] = defaultdict(set)
    for frame in frames:
        for name in frame.select_dtypes("category"):
            texts[name] |= set(frame[name].cat.categories)
    shared = {name: pd.CategoricalDtype(sorted(found)) for name, found in texts.items()}
    aligned = [f.astype({n: kind for n, kind in shared.items() if n in f}) for f in frames]
    return pd.concat(aligned, ignore_index=True)


def _small(numbers: np.ndarray) -> np.ndarray:
    """Integers in the smallest type that holds them: millions of rows repeat a few."""
    if not np.issubdtype(numbers.dtype, np.integer):
        return numbers
    return pd.to_numeric(numbers, downcast="integer")
