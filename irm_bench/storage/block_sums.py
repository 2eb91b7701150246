"""What is published of a table too large to publish: sums of its columns over blocks of rows.

Where bits differ, they tell whether numbers differ by more than rounding. A number x counts as
asinh(x / ``SCALE``), which grows with its digits and not with its size, so that a run that diverged
does not hide all others of its block; and times 1 to 2 by its place in the block, so that rows that
have changed places are seen. Of texts there is a checksum. An example, of blocks of two rows:

    seed,method,mse                        first_row,n_rows,seed,method,mse
    0,erm,0.5                         →    0,2,10.72,1a79a4d6,15.31
    1,irm,0.7
"""

from collections import defaultdict
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

BLOCK = 1000
# Rows that are read at once.
CHUNK = 100 * BLOCK
# Far below any number that matters, far above rounding.
SCALE = 1e-3
# Between sums of numbers that agree to a relative 1e-6, or 1e-9 near zero, lies no more than this.
TOLERANCE = 2 * BLOCK * 1e-6
# A number that is not there, or infinite, counts as one that no table has.
MISSING, INFINITE = 1e4, 2e4


def of_table(path: Path) -> pd.DataFrame:
    """The sums of a CSV table, a row a block.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    sums, kinds = _read(path, {})
    if any(len(of_column) > 1 for of_column in kinds.values()):
        # what is a number in some chunks is a text in others: a text then, in all of them
        texts = {name: "str" for name, of_column in kinds.items() if "str" in of_column}
        sums, _ = _read(path, texts)
    return sums


_READING: dict[str, Any] = {"keep_default_na": False, "na_values": [""], "low_memory": False}


def _read(path: Path, texts: dict[str, str]) -> tuple[pd.DataFrame, dict[str, set[str]]]:
    """The sums of a table, and of each column the kinds that it is of in some chunk."""
    pieces: list[pd.DataFrame] = []
    kinds: dict[str, set[str]] = defaultdict(set)
    first_row = 0
    with pd.read_csv(path, dtype=texts, chunksize=CHUNK, **_READING) as chunks:
        for chunk in chunks:
            starts = np.arange(0, max(len(chunk), 1), BLOCK)  # a table without rows has one block
            sums = {column: _sums(chunk[column], starts) for column in chunk}
            n_rows = np.minimum(BLOCK, len(chunk) - starts)
            pieces.append(pd.DataFrame({"first_row": first_row + starts, "n_rows": n_rows, **sums}))
            first_row += len(chunk)
            for column in chunk:
                is_number = pd.api.types.is_numeric_dtype(chunk[column])
                kinds[column].add("number" if is_number else "str")
    return pd.concat(pieces, ignore_index=True), kinds


def _sums(column: pd.Series, starts: np.ndarray) -> list[float] | list[str]:
    """The sums of a column's blocks, which begin at ``starts``."""
    if not pd.api.types.is_numeric_dtype(column):
        texts = column.fillna("").to_numpy(dtype=object)
        return [_checksum(texts[start : start + BLOCK]) for start in starts]
    values = column.to_numpy(dtype=float)
    return [_sum(values[start : start + BLOCK]) for start in starts]


def _checksum(texts: np.ndarray) -> str:
    joined = "\n".join(texts)
    return f"{crc32(joined.encode()):08x}"


def _sum(values: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        sizes = np.arcsinh(values / SCALE)
    sizes = np.where(np.isinf(values), np.sign(values) * INFINITE, sizes)
    sizes = np.where(np.isnan(values), MISSING, sizes)
    return float((sizes * (1 + np.arange(len(sizes)) / BLOCK)).sum())
