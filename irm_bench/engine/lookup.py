"""Sums of whole numbers under many vectors of signs, by tables of all sums of four of them.

Four rows have sixteen sums under all their signs. With these in a table, a vector of signs adds one
entry for four rows, in place of four products and sums (Arlazarov, Dinic, Kronrod and Faradzhev
1970); many columns of numbers lie side by side in an entry, along the processor's vectors. Where
bytes do not multiply fast, that takes a fifth of the time of products in float64.

The rows 3, 5, 0, 0 have the table −8, −2, 2, 8, … by the bits 00, 01, 10, 11, … of the first rows:
the entry of a bit that is 1 is that of the bit 0 and twice the row's number. The signs (+1, −1) are
the bits 01, whose entry is 3 − 5 = −2.

Sums of whole numbers are exact, in any order.
"""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.machine_code import compiled, kept

# Columns that are summed up together; of a table for fewer, the rest holds zeros.
COLUMNS = 64
# Bits of a word of signs, and of the part of it whose tables stay in the nearest cache: eight of
# them, 32 kB.
WORD, PART = 64, 32
# Words of signs whose sums of numbers up to ``LARGEST`` fit 32 bits.
WORDS = 4
LARGEST = (2**31 - 1) // (WORD * WORDS)


class Tables:
    """Whole numbers, at most ``LARGEST``, of many columns and rows, and their signed sums."""

    def __init__(self, n_columns: int, n_rows: int):
        n_blocks, n_words = -(-n_columns // COLUMNS), -(-n_rows // WORD)
        self._n_columns = n_columns
        # Rows and columns that fill up words and blocks hold zeros.
        self._numbers = np.zeros((n_blocks, n_words * WORD, COLUMNS), np.int32)

    def put(self, column: int, numbers: np.ndarray) -> None:
        """Take the numbers (n,) of a column."""
        block, place = divmod(column, COLUMNS)
        self._numbers[block, : len(numbers), place] = numbers

    def signed_sums(self, signs: Tensor) -> Tensor:
        """signs int8 (T, n) → sums (T, column) in float64."""
        sums = np.zeros((len(self._numbers), len(signs), COLUMNS))
        words = _words(signs.numpy())
        for numbers, of_block in zip(self._numbers, sums, strict=True):
            _compiled().add_up(words, numbers, of_block)
        return torch.from_numpy(sums).permute(1, 0, 2).reshape(len(signs), -1)[:, : self._n_columns]


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
    fill, flush = compiled(_fill), compiled(_flush)
    look_up = compiled(_look_up_of(_add_entries()))

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


def _look_up_of(add_entries: Callable[..., None]) -> Callable[..., None]:
    """Add to some (T, COLUMNS) the entry of each four of rows of a part, by their bits."""

    def look_up(words, first_bit, table, some):  # type: ignore[no-untyped-def]
        for t in range(len(some)):
            add_entries(some, t, table, words[t] >> np.uint64(first_bit))

    return look_up


def _add_entries() -> Callable[..., None]:
    """Of (some, t, table, bits), some[t] plus the entry of each four bits of a part.

    As vectors for the compiler (LLVM), written instruction by instruction: of a loop it asks in
    every step whether some and table overlap, which takes half as long again.
    """
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def add_entries(typing_context, some, t, table, bits):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            vector = ir.VectorType(ir.IntType(32), COLUMNS)
            some, t, table, bits = arguments

            def constant(number: int) -> ir.Constant:
                return ir.Constant(bits.type, number)

            def pointer(place: int, array: Any, index: Any) -> Any:
                """Where the vector of an array begins that has this number."""
                data = context.make_array(signature.args[place])(context, builder, array).data
                first = builder.gep(data, [builder.mul(index, constant(COLUMNS))])
                return builder.bitcast(first, vector.as_pointer())

            target = pointer(0, some, t)
            total = builder.load(target, align=4)
            for four in range(PART // 4):
                entry = builder.and_(builder.lshr(bits, constant(4 * four)), constant(15))
                source = pointer(2, table, builder.add(entry, constant(16 * four)))
                total = builder.add(total, builder.load(source, align=4))
            builder.store(total, target, align=4)
            return context.get_dummy_value()

        return types.void(some, types.int64, table, types.uint64), generate

    made: Callable[..., None] = intrinsic(add_entries)
    return made


def _flush(some, sums):  # type: ignore[no-untyped-def]
    """Move sums of 32 bits to float64, before they grow beyond."""
    for t in range(len(some)):
        for k in range(COLUMNS):
            sums[t, k] += some[t, k]
            some[t, k] = 0
