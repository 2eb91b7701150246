"""Means over rows in one compiled loop, for losses that write their derivatives for it.

``row_losses.py`` makes them by calls of torch, each of which goes through the memory once. Here
numba compiles a loss's ``kernel``, and what is derived from it, into one loop over ``BLOCK`` rows:
a run's predictions, then the numbers of each row, then the sums over the block. All that a block
needs stays in the nearest caches, and rows are the axis that the processor's vectors lie along.
What is then left is arithmetic and reading: so the sums of ``FEATURES`` features are added up at
once, which reads a number once for all of them, an intercept is not multiplied by, and arrays begin
where a line of the cache does.

Rows, predictions and the sums of some blocks are held in float32, sums over all in float64.
Products and sums are rounded one by one (no fused multiply-add, no reordering), so a run's bits
depend on neither its neighbours nor the processor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from irm_bench.machine_code import compiled, kept

# Rows that are taken at once: of ten features they take up 20 kB. Half as many cost more to
# enter the inner loops, twice as many leave the nearest cache.
BLOCK = 512
# Features whose sums over a block are added up at once: ``_sum_up`` has each of them written out.
FEATURES = 5
# The sums of a block are held in so many lanes each, four vectors of eight; divides BLOCK.
LANES = 32
# Blocks whose sums are added up in float32.
BLOCKS_OF_SUM = 4
# Runs that a block serves before the next one is fetched.
RUNS = 16
# Numbers of a row that ``_derive_of`` is written out for.
MAX_NUMBERS = 3

Array = np.ndarray


@dataclass(frozen=True)
class PackedRows:
    """The rows of some datasets one after the other, and the pairs that train on each.

    x (block, group, feature of the group and row) and y (block, row) in float32. The last axis of x
    has ``FEATURES`` features one after the other: in one axis, the compiler sees how far apart they
    are. The rows of a dataset, and the features, are filled up with zeros. ``has_ones`` says that
    the last feature is an intercept, 1 in every row: it is not held, and not multiplied by.
    Dataset p has the blocks from ``block_starts[p]`` on and ``n_rows[p]`` rows of its own, and the
    pairs ``pairs[pair_starts[p]:pair_starts[p + 1]]`` train on it. ``scratch`` and ``lanes`` are
    what the loop works in: new memory would cost as much as a hundred rows.
    """

    x: Array
    y: Array
    block_starts: Array
    n_rows: Array
    pairs: Array
    pair_starts: Array
    has_ones: bool
    scratch: tuple[Array, Array, Array]
    lanes: Array

    def means(
        self, kernel: Callable[[], Any], derive: Callable[..., Any], n: int, phis: Sequence[Array]
    ) -> Array:
        """Means (number, d, pair) over rows of x times each of the ``n`` numbers of ``derive``.

        kernel gives a loss's derivatives (``protocols.Loss``); derive as in ``row_losses.py``.
        phis: φ (d, pair), and where derive takes a direction, that (d, pair) too.
        """
        loop = _loop(kernel, derive, n, len(phis[0]), self.has_ones, len(phis) > 1)
        predictions, along, numbers = self.scratch
        out = np.empty((n, *phis[0].shape))
        loop(
            self.x,
            self.y,
            self.block_starts,
            self.n_rows,
            self.pairs,
            self.pair_starts,
            phis[0],
            phis[-1],
            (predictions, along, numbers[:n]),
            self.lanes[:n],
            out,
        )
        return out


def _empty(*shape: int) -> Array:
    """An array in float32 that begins where a line of the cache does, as torch's do.

    A vector that lies across two lines takes twice as long to read, and numpy's arrays may begin
    anywhere.
    """
    return torch.empty(shape, dtype=torch.float32).numpy()


def _n_groups(d: int) -> int:
    return -(-d // FEATURES)


def pack(rows: Sequence[tuple[Array, Array]], pairs: Sequence[Array]) -> PackedRows:
    """Rows (x (n, d), y (n,)) of datasets, and the places of the pairs that train on each."""
    n_rows = np.array([len(y) for _, y in rows])
    block_starts = np.concatenate([[0], np.cumsum(-(-n_rows // BLOCK))])
    d = rows[0][0].shape[1]
    has_ones = d > 1 and all((x[:, -1] == 1).all() for x, _ in rows)
    d -= has_ones
    n_blocks = block_starts[-1]
    x_of_rows = np.zeros((n_blocks * BLOCK, _n_groups(d) * FEATURES), np.float32)
    y_of_blocks = _empty(n_blocks, BLOCK)
    y_of_blocks[:] = 0
    for first, n, (x, y) in zip(block_starts[:-1] * BLOCK, n_rows, rows, strict=True):
        x_of_rows[first : first + n, :d] = x[:, :d]
        y_of_blocks.reshape(-1)[first : first + n] = y
    x_of_blocks = _empty(n_blocks, _n_groups(d), FEATURES * BLOCK)
    x_of_features = x_of_rows.reshape(n_blocks, BLOCK, -1).transpose(0, 2, 1)
    x_of_blocks[:] = x_of_features.reshape(x_of_blocks.shape)
    pair_starts = np.concatenate([[0], np.cumsum([len(mine) for mine in pairs])])
    predictions, along, numbers = _empty(BLOCK), _empty(BLOCK), _empty(MAX_NUMBERS, BLOCK)
    along[:] = 0  # where there is no direction
    return PackedRows(
        x_of_blocks,
        y_of_blocks,
        block_starts,
        n_rows,
        np.concatenate(pairs),
        pair_starts,
        has_ones,
        (predictions, along, numbers),
        _empty(MAX_NUMBERS, RUNS, _n_groups(d) + has_ones, FEATURES * LANES),
    )


@cache
def _loop(
    kernel: Callable[[], Any],
    derive: Callable[..., Any],
    n: int,
    d: int,
    has_ones: bool,
    is_along: bool,
) -> Callable[..., None]:
    """The compiled loop of a loss and what is derived of it, for d features."""
    predict = compiled(_predict_of(d, has_ones))
    add_up = compiled(_add_up_of(d, has_ones))
    gather, sum_up, sum_up_ones = compiled(_gather), compiled(_sum_up), compiled(_sum_up_ones)
    derive_all = compiled(_derive_of(compiled(kernel()), compiled(derive), n))

    @compiled
    def sum_blocks(x, y, n_rows, phi, direction, scratch, lanes, sums):  # type: ignore[no-untyped-def]
        """The sums (number, d, run) over the blocks of a dataset, for runs φ (run, d)."""
        predictions, along, numbers = scratch
        sums[:] = 0
        for first in range(0, len(x), BLOCKS_OF_SUM):
            lanes[:] = 0
            for block in range(first, min(first + BLOCKS_OF_SUM, len(x))):
                for run in range(len(phi)):
                    predict(x, block, phi, run, predictions)
                    if is_along:
                        predict(x, block, direction, run, along)
                    derive_all(predictions, along, y, block, numbers)
                    for m in range(n):
                        for r in range(n_rows - block * BLOCK, BLOCK):  # beyond the last row
                            numbers[m, r] = 0
                        sum_up(x, block, numbers, m, lanes, run)
                        if has_ones:
                            sum_up_ones(numbers, m, lanes, run)
            for m in range(n):
                for run in range(len(phi)):
                    add_up(lanes, m, run, sums)

    @kept
    def loop(x, y, block_starts, n_rows, pairs, pair_starts, phi, direction, scratch, lanes, out):  # type: ignore[no-untyped-def]
        sums = np.empty((n, d, RUNS))
        phis = np.empty((RUNS, d), np.float32)
        directions = np.empty((RUNS, d), np.float32)
        for dataset in range(len(n_rows)):
            of_dataset = slice(block_starts[dataset], block_starts[dataset + 1])
            blocks, targets = x[of_dataset], y[of_dataset]
            for first in range(pair_starts[dataset], pair_starts[dataset + 1], RUNS):
                mine = pairs[first : min(first + RUNS, pair_starts[dataset + 1])]
                gather(phi, mine, phis)
                gather(direction, mine, directions)
                runs = slice(0, len(mine))
                sum_blocks(
                    blocks,
                    targets,
                    n_rows[dataset],
                    phis[runs],
                    directions[runs],
                    scratch,
                    lanes,
                    sums,
                )
                for m in range(n):
                    for i in range(d):
                        for k in range(len(mine)):
                            out[m, i, mine[k]] = sums[m, i, k] / n_rows[dataset]

    return loop


def _gather(phi, pairs, out):  # type: ignore[no-untyped-def]
    """Copy the φ of some pairs, of (feature, pair), to out (run, feature)."""
    for k in range(len(pairs)):
        for i in range(len(phi)):
            out[k, i] = phi[i, pairs[k]]


def _predict_of(d: int, has_ones: bool) -> Callable[..., None]:
    """Predictions (row,) of a block of x by the φ (run, d) of a run."""
    n_held = d - has_ones

    def predict(x, block, phi, run, out):  # type: ignore[no-untyped-def]
        for r in range(BLOCK):
            total = x[block, 0, r] * phi[run, 0]
            for j in range(1, n_held):
                total += x[block, j // FEATURES, j % FEATURES * BLOCK + r] * phi[run, j]
            out[r] = total + phi[run, n_held] if has_ones else total

    return predict


def _derive_of(
    of_row: Callable[..., Any], derive: Callable[..., Any], n: int
) -> Callable[..., None]:
    """The ``n`` numbers of predictions, directions (row,) and a block's targets, to (number, row).

    Written out for each n: the compiler does not make vectors of tuples whose length it looks up.
    """

    def one(predictions, along, y, block, out):  # type: ignore[no-untyped-def]
        for r in range(BLOCK):
            slope, bend = of_row(predictions[r], y[block, r])
            (out[0, r],) = derive(slope, bend, predictions[r], along[r])

    def two(predictions, along, y, block, out):  # type: ignore[no-untyped-def]
        for r in range(BLOCK):
            slope, bend = of_row(predictions[r], y[block, r])
            out[0, r], out[1, r] = derive(slope, bend, predictions[r], along[r])

    def three(predictions, along, y, block, out):  # type: ignore[no-untyped-def]
        for r in range(BLOCK):
            slope, bend = of_row(predictions[r], y[block, r])
            out[0, r], out[1, r], out[2, r] = derive(slope, bend, predictions[r], along[r])

    return (one, two, three)[n - 1]


def _sum_up(x, block, numbers, m, lanes, run):  # type: ignore[no-untyped-def]
    """Add Σ x_i number over a block to the lanes (number, run, group, i and lane), lane by lane.

    A group of ``FEATURES`` at once, written out, as for the compiler in ``_derive_of``.
    """
    for group in range(x.shape[1]):
        for lane in range(LANES):
            number = numbers[m, lane]
            first = x[block, group, lane] * number
            second = x[block, group, BLOCK + lane] * number
            third = x[block, group, 2 * BLOCK + lane] * number
            fourth = x[block, group, 3 * BLOCK + lane] * number
            fifth = x[block, group, 4 * BLOCK + lane] * number
            for step in range(1, BLOCK // LANES):
                row = step * LANES + lane
                number = numbers[m, row]
                first += x[block, group, row] * number
                second += x[block, group, BLOCK + row] * number
                third += x[block, group, 2 * BLOCK + row] * number
                fourth += x[block, group, 3 * BLOCK + row] * number
                fifth += x[block, group, 4 * BLOCK + row] * number
            lanes[m, run, group, lane] += first
            lanes[m, run, group, LANES + lane] += second
            lanes[m, run, group, 2 * LANES + lane] += third
            lanes[m, run, group, 3 * LANES + lane] += fourth
            lanes[m, run, group, 4 * LANES + lane] += fifth


def _sum_up_ones(numbers, m, lanes, run):  # type: ignore[no-untyped-def]
    """The same of a feature that is 1 in every row: its lanes are the last group."""
    group = lanes.shape[2] - 1
    for lane in range(LANES):
        total = numbers[m, lane]
        for step in range(1, BLOCK // LANES):
            total += numbers[m, step * LANES + lane]
        lanes[m, run, group, lane] += total


def _add_up_of(d: int, has_ones: bool) -> Callable[..., None]:
    """Add the lanes (number, run, group, feature and lane) to sums (number, d, run)."""
    n_held = d - has_ones

    def add_up(lanes, m, run, sums):  # type: ignore[no-untyped-def]
        for lane in range(LANES):
            for i in range(n_held):
                sums[m, i, run] += lanes[m, run, i // FEATURES, i % FEATURES * LANES + lane]
            if has_ones:
                sums[m, n_held, run] += lanes[m, run, lanes.shape[2] - 1, lane]

    return add_up
