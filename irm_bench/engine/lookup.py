"""Sums of whole numbers under many vectors of signs, by tables of all sums of four of them.

Four rows have sixteen sums under all their signs. With these in a table, a vector of signs adds one
entry for four rows, in place of four products and sums (Arlazarov, Dinic, Kronrod and Faradzhev
1970); many columns of numbers lie side by side in an entry, along the processor's vectors. Where
bytes do not multiply fast, that takes a third of the time of products in float64.

The rows 3, 5, 0, 0 have the table −8, −2, 2, 8, … by the bits 00, 01, 10, 11, … of the first rows:
the entry of a bit that is 1 is that of the bit 0 and twice the row's number. The signs (+1, −1) are
the bits 01, whose entry is 3 − 5 = −2.

Sums of whole numbers are exact, in any order.
"""

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.machine_code import compiled, kept

# Columns that are summed up together; of a table for fewer, the rest holds zeros.
COLUMNS = 128
# Bits of a word of signs, and of the part of it whose tables stay in the nearest cache: four of
# them, 32 kB.
WORD, PART = 64, 16
# Words of signs whose sums of numbers up to ``LARGEST`` fit 32 bits.
WORDS = 4
LARGEST = (2**31 - 1) // (WORD * WORDS)
# Of fewer vectors of signs, tables would have more entries than are asked for.
FEWEST_STEPS = 64


class Tables:
    """Whole numbers, at most ``LARGEST``, of many columns and rows, and their signed sums."""

    def __init__(self, n_columns: int, n_rows: int):
        n_blocks, n_words = -(-n_columns // COLUMNS), -(-n_rows // WORD)
        self.shape = n_rows, n_columns
        # Rows and columns that fill up words and blocks hold zeros.
        self._numbers = np.zeros((n_blocks, n_words * WORD, COLUMNS), np.int32)

    def put(self, column: int, numbers: np.ndarray) -> None:
        """Take the numbers (n,) of a column."""
        block, place = divmod(column, COLUMNS)
        self._numbers[block, : len(numbers), place] = numbers

    def signed_sums(self, signs: Tensor) -> Tensor:
        """signs int8 (T, n) → sums (T, column) in float64."""
        n_rows, n_columns = self.shape
        if len(signs) < FEWEST_STEPS:
            doubles = signs.double()
            blocks = [doubles @ torch.from_numpy(b[:n_rows]).double() for b in self._numbers]
            return torch.cat(blocks, dim=1)[:, :n_columns]
        sums = np.zeros((len(self._numbers), len(signs), COLUMNS))
        words = _words(signs.numpy())
        for numbers, of_block in zip(self._numbers, sums, strict=True):
            _compiled().add_up(words, numbers, of_block)
        return torch.from_numpy(sums).permute(1, 0, 2).reshape(len(signs), -1)[:, :n_columns]


def _words(signs: np.ndarray) -> np.ndarray:
    """Signs int8 (T, n) as the bits of words (word, T), the first row in the lowest bit.

    The loop takes a word of all T at a time: these lie side by side.
    """
    n_steps, n_rows = signs.shape
    padded = np.zeros((n_steps, -(-n_rows // WORD) * WORD), bool)
    np.greater(signs, 0, out=padded[:, :n_rows])
    words = np.packbits(padded, axis=1, bitorder="little").view("<u8")
    return np.ascontiguousarray(words.T)


@cache
def _compiled() -> Any:
    """The loop that adds up, compiled: on the first call, as not every process needs it."""
    fill, look_up, flush = compiled(_fill), compiled(_look_up), compiled(_flush)

    @kept
    def add_up(words, numbers, sums):  # type: ignore[no-untyped-def]
        """Add the signed sums of numbers (row, COLUMNS) to sums (T, COLUMNS) in float64."""
        n_words, n_steps = words.shape
        table = np.empty(PART // 4 * 16 * COLUMNS, np.int32)
        some = np.zeros((n_steps, COLUMNS), np.int32)
        for word in range(n_words):
            for first_bit in range(0, WORD, PART):
                fill(numbers, word * WORD + first_bit, table)
                look_up(words[word], first_bit, table, some)
            if word % WORDS == WORDS - 1 or word == n_words - 1:
                flush(some, sums)

    return SimpleNamespace(add_up=add_up)


def _fill(numbers, first, table):  # type: ignore[no-untyped-def]
    """The tables of a part's fours of rows, one after the other: 16 entries of COLUMNS each."""
    for four in range(PART // 4):
        row, start = first + 4 * four, four * 16 * COLUMNS
        for c in range(COLUMNS):
            total = numbers[row, c] + numbers[row + 1, c]
            table[start + c] = -(total + numbers[row + 2, c] + numbers[row + 3, c])
        for bit in range(4):
            for entry in range(1 << bit):
                without = start + entry * COLUMNS
                with_bit = without + (COLUMNS << bit)
                for c in range(COLUMNS):
                    table[with_bit + c] = table[without + c] + 2 * numbers[row + bit, c]


def _look_up(words, first_bit, table, some):  # type: ignore[no-untyped-def]
    """Add to some (T, COLUMNS) the entry of each four of rows of a part, by their bits."""
    size = 16 * COLUMNS
    for t in range(len(some)):
        bits = np.int64(words[t] >> np.uint64(first_bit))
        # Written out: the compiler makes vectors of a sum of this length, and of no loop.
        a = (bits & 15) * COLUMNS
        b = (bits >> 4 & 15) * COLUMNS + size
        c = (bits >> 8 & 15) * COLUMNS + 2 * size
        d = (bits >> 12 & 15) * COLUMNS + 3 * size
        for k in range(COLUMNS):
            some[t, k] += table[a + k] + table[b + k] + table[c + k] + table[d + k]


def _flush(some, sums):  # type: ignore[no-untyped-def]
    """Move sums of 32 bits to float64, before they grow beyond."""
    for t in range(len(some)):
        for k in range(COLUMNS):
            sums[t, k] += some[t, k]
            some[t, k] = 0
