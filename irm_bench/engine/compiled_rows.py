"""Means over rows in one compiled loop, for losses that write their derivatives for it.

``row_losses.py`` makes them by calls of torch, each of which goes through the memory once. Here
numba compiles a loss's ``kernel``, and what is derived from it, into one loop over ``BLOCK`` rows
and ``WIDTH`` runs: their predictions, then the numbers of each, then the sums over the block. All
that a block needs stays in the nearest cache, and runs are the axis that the processor's vectors
lie along.

Rows, predictions and a block's sums are held in float32, sums over blocks in float64. Products and
sums are rounded one by one (no fused multiply-add, no reordering), so a run's bits depend on
neither its neighbours nor the processor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

# Runs that are multiplied at once, and rows: what they need takes up 40 kB.
WIDTH = 16
BLOCK = 128
# Rows whose products are summed up between two visits to the memory; divides BLOCK.
GROUP = 4
# Features are filled up to multiples of it: loops of other lengths compile to half the rate.
EVEN = 4

Array = np.ndarray


@dataclass(frozen=True)
class PackedRows:
    """The rows of some datasets one after the other, and the pairs that train on each.

    x (row, feature) and y (row,) in float32. Features are filled up with zeros to a multiple of
    ``EVEN``, and the rows of a dataset to one of ``GROUP``: these add nothing. Dataset p has the
    rows from ``row_starts[p]`` on, of which ``n_rows[p]`` are its own, and the pairs
    ``pairs[pair_starts[p]:pair_starts[p + 1]]`` train on it.
    """

    x: Array
    y: Array
    row_starts: Array
    n_rows: Array
    pairs: Array
    pair_starts: Array

    def means(
        self, kernel: Callable[[], Any], derive: Callable[..., Any], n: int, phis: Sequence[Array]
    ) -> Array:
        """Means (number, d, pair) over rows of x times each of the ``n`` numbers of ``derive``.

        kernel gives a loss's derivatives (``protocols.Loss``); derive as in ``row_losses.py``.
        phis: φ (d, pair), and where derive takes a direction, that (d, pair) too.
        """
        loop = _loop(kernel, derive, n, self.x.shape[1], len(phis) > 1)
        out = np.empty((n, *phis[0].shape))
        loop(
            self.x,
            self.y,
            self.row_starts,
            self.n_rows,
            self.pairs,
            self.pair_starts,
            phis[0],
            phis[-1],
            out,
        )
        return out


def pack(rows: Sequence[tuple[Array, Array]], pairs: Sequence[Array]) -> PackedRows:
    """Rows (x (n, d), y (n,)) of datasets, and the places of the pairs that train on each."""
    n_rows = np.array([len(y) for _, y in rows])
    row_starts = np.concatenate([[0], np.cumsum(-(-n_rows // GROUP) * GROUP)])
    d = rows[0][0].shape[1]
    packed_x = np.zeros((row_starts[-1], -(-d // EVEN) * EVEN), np.float32)
    packed_y = np.zeros(row_starts[-1], np.float32)
    for first, n, (x, y) in zip(row_starts[:-1], n_rows, rows, strict=True):
        packed_x[first : first + n, :d] = x
        packed_y[first : first + n] = y
    pair_starts = np.concatenate([[0], np.cumsum([len(mine) for mine in pairs])])
    return PackedRows(packed_x, packed_y, row_starts, n_rows, np.concatenate(pairs), pair_starts)


@cache
def _loop(
    kernel: Callable[[], Any], derive: Callable[..., Any], n: int, d: int, is_along: bool
) -> Callable[..., None]:
    """The compiled loop of a loss and what is derived of it, for d features, zeros included."""
    from numba import njit  # half a second, which other routes need not spend

    compile_ = njit(error_model="numpy")
    gather, predict, sum_up = compile_(_gather), compile_(_predict_of(d)), compile_(_sum_up_of(d))
    derive_all = compile_(_derive_of(compile_(kernel()), compile_(derive), n))

    @compile_
    def sum_rows(x, y, panel, other_panel, scratch, sums):  # type: ignore[no-untyped-def]
        """The sums (number, d, WIDTH) over rows, block by block."""
        predictions, others, targets, numbers = scratch
        sums[:] = 0
        for start in range(0, len(x), BLOCK):
            rows = x[start : start + BLOCK]
            predict(rows, panel, predictions)
            if is_along:
                predict(rows, other_panel, others)
            for r in range(len(rows)):
                for k in range(WIDTH):
                    targets[r, k] = y[start + r]
            of_rows = (predictions.ravel(), others.ravel(), targets.ravel())
            derive_all(len(rows) * WIDTH, of_rows, numbers.reshape(n, -1))
            for m in range(n):
                sum_up(rows, numbers[m], sums[m])

    @compile_
    def loop(x, y, row_starts, n_rows, pairs, pair_starts, phi, direction, out):  # type: ignore[no-untyped-def]
        panel = np.empty((d, WIDTH), np.float32)
        other_panel = np.empty((d, WIDTH), np.float32)
        scratch = (
            np.zeros((BLOCK, WIDTH), np.float32),
            np.zeros((BLOCK, WIDTH), np.float32),
            np.zeros((BLOCK, WIDTH), np.float32),
            np.zeros((n, BLOCK, WIDTH), np.float32),
        )
        sums = np.empty((n, d, WIDTH))
        for part in range(len(n_rows)):
            rows = slice(row_starts[part], row_starts[part + 1])
            for first in range(pair_starts[part], pair_starts[part + 1], WIDTH):
                mine = pairs[first : min(first + WIDTH, pair_starts[part + 1])]
                gather(phi, mine, panel)
                if is_along:
                    gather(direction, mine, other_panel)
                sum_rows(x[rows], y[rows], panel, other_panel, scratch, sums)
                for m in range(n):
                    for i in range(len(phi)):
                        for k in range(len(mine)):
                            out[m, i, mine[k]] = sums[m, i, k] / n_rows[part]

    return loop


def _gather(phi, pairs, panel):  # type: ignore[no-untyped-def]
    """Copy the φ of up to WIDTH pairs, of (feature, pair), to a panel (d, WIDTH) of zeros."""
    panel[:] = 0
    for i in range(len(phi)):
        for k in range(len(pairs)):
            panel[i, k] = phi[i, pairs[k]]


def _predict_of(d: int) -> Callable[..., None]:
    """Predictions (row, WIDTH) of rows (row, d) by a panel of φ (d, WIDTH)."""

    def predict(x, panel, out):  # type: ignore[no-untyped-def]
        for r in range(len(x)):
            for k in range(WIDTH):
                total = x[r, 0] * panel[0, k]
                for j in range(1, d):
                    total += x[r, j] * panel[j, k]
                out[r, k] = total

    return predict


def _derive_of(
    of_row: Callable[..., Any], derive: Callable[..., Any], n: int
) -> Callable[..., None]:
    """The ``n`` numbers of predictions, directions and targets (entry,), to out (number, entry).

    Written out for each n: the compiler does not make vectors of tuples whose length it looks up.
    """

    def one(count, of_rows, out):  # type: ignore[no-untyped-def]
        predictions, directions, targets = of_rows
        first = out[0]
        for s in range(count):
            slope, bend = of_row(predictions[s], targets[s])
            (first[s],) = derive(slope, bend, predictions[s], directions[s])

    def two(count, of_rows, out):  # type: ignore[no-untyped-def]
        predictions, directions, targets = of_rows
        first, second = out[0], out[1]
        for s in range(count):
            slope, bend = of_row(predictions[s], targets[s])
            first[s], second[s] = derive(slope, bend, predictions[s], directions[s])

    def three(count, of_rows, out):  # type: ignore[no-untyped-def]
        predictions, directions, targets = of_rows
        first, second, third = out[0], out[1], out[2]
        for s in range(count):
            slope, bend = of_row(predictions[s], targets[s])
            first[s], second[s], third[s] = derive(slope, bend, predictions[s], directions[s])

    return (one, two, three)[n - 1]


def _sum_up_of(d: int) -> Callable[..., None]:
    """Add Σ x_i number over rows (row, d) and numbers (row, WIDTH) to sums (d, WIDTH)."""

    def sum_up(x, numbers, sums):  # type: ignore[no-untyped-def]
        of_block = np.zeros((d, WIDTH), np.float32)
        for g in range(0, len(x), GROUP):
            for i in range(d):
                for k in range(WIDTH):
                    total = x[g, i] * numbers[g, k]
                    for q in range(1, GROUP):
                        total += x[g + q, i] * numbers[g + q, k]
                    of_block[i, k] += total
        for i in range(d):
            for k in range(WIDTH):
                sums[i, k] += of_block[i, k]

    return sum_up
