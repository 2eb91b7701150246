"""Random balanced splits of the rows into halves, and the moments that they give.

A split is a vector s of n signs, half of them +1. The split-half penalty sees it only through
D = (1/n) Σ s_i m_i, m_i the products of row i (``moments.py``). The D of a whole block of steps,
for many environments and seeds, is one matrix product.

Each step has a fresh split. All environments and seeds of one n share it: their rows are
independent and exchangeable, so every run sees uniformly random splits all the same.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine import BLOCK, Quadratic, Slots
from irm_bench.moments import unpack_products
from irm_bench.seeds import generator


def balanced_signs(rng: np.random.Generator, n_splits: int, n_samples: int) -> np.ndarray:
    """Uniformly random balanced sign vectors: int8 (n_splits, n_samples), rows summing to 0.

    Fair coins first, then as many randomly chosen signs of the majority are turned as it is too
    many: by symmetry every balanced vector stays equally likely.

    Raises:
        ValueError: if n_samples is odd.
    """
    if n_samples % 2:
        raise ValueError(f"an odd number of rows ({n_samples}) cannot be split into equal halves")
    coins = np.frombuffer(rng.bytes(n_splits * -(-n_samples // 8)), dtype=np.uint8)
    bits = np.unpackbits(coins.reshape(n_splits, -1), axis=1, count=n_samples)
    surplus = np.count_nonzero(bits, axis=1) - n_samples // 2
    majority = (surplus > 0).astype(np.uint8)
    missing = np.abs(surplus)
    rows = np.flatnonzero(missing)
    while len(rows):
        columns = rng.integers(n_samples, size=len(rows))
        hit = bits[rows, columns] == majority[rows]
        bits[rows[hit], columns[hit]] ^= 1
        missing[rows[hit]] -= 1
        rows = rows[missing[rows] > 0]
    return 2 * bits.astype(np.int8) - np.int8(1)


def on_exact_grid(rows: np.ndarray) -> np.ndarray:
    """Round each row (..., n) to a grid on which every signed sum of it is exact in float64.

    Then the sum has the same bits in whatever order, blocks or threads a matrix product takes it.
    The grid is max|row| · 2^(⌈log2 n⌉ − 53): a relative 2e-12 at n = 10,000.
    """
    largest = np.abs(rows).max(axis=-1, keepdims=True)
    exponent = np.frexp(largest)[1] + int(np.ceil(np.log2(rows.shape[-1]))) - 53
    return np.ldexp(np.rint(np.ldexp(rows, -exponent)), exponent)


class SignStream:
    """The splits of all steps for one n, in blocks of ``BLOCK`` steps, each its own stream."""

    def __init__(self, root_seed: int, n_samples: int):
        self._root_seed = root_seed
        self._n_samples = n_samples

    def block(self, index: int) -> np.ndarray:
        """Signs int8 (BLOCK, n)."""
        rng = generator(self._root_seed, role="splits", n_samples=self._n_samples, block=index)
        return balanced_signs(rng, BLOCK, self._n_samples)


class SplitDraws:
    """Draws of the split-half penalty: D of a step, as a Quadratic over the pairs.

    products (column, P, n) of the rows of each distinct (environment, seed); pair_columns (pair,)
    tells which of them a pair trains on. ``ahead`` is the number of steps whose D are computed at
    once: a divisor of ``BLOCK``, 1 where few steps are ever asked for. ``on_load`` is told how
    many steps were computed.
    """

    def __init__(
        self,
        products: np.ndarray,
        signs: SignStream,
        pair_columns: np.ndarray,
        slots: Slots,
        ahead: int = BLOCK,
        on_load: Callable[[int], object] = lambda n_steps: None,
    ):
        n_columns, n_products, self._n_samples = products.shape
        self._shape = (n_products, n_columns)
        by_product = on_exact_grid(products).transpose(1, 0, 2).reshape(-1, self._n_samples)
        self._products = torch.from_numpy(by_product).T
        self._signs = signs
        self._columns = torch.from_numpy(np.asarray(pair_columns))
        self._slots = slots
        self._ahead = ahead
        self._on_load = on_load
        # P = d(d + 1)/2 + d, solved for d
        self._n_features = int((np.sqrt(9 + 8 * n_products) - 3) / 2)
        self._loaded = range(0)
        self._runs: Tensor | None = None

    def __call__(self, step: int, runs: Tensor) -> Quadratic:
        if step not in self._loaded:
            self._load(step - step % self._ahead)
        sums = self._sums[step - self._loaded.start]
        return Quadratic(
            *unpack_products(sums.index_select(1, self._pairs(runs)), self._n_features)
        )

    def _load(self, first: int) -> None:
        block, row = divmod(first, BLOCK)
        signs = self._signs.block(block)[row : row + self._ahead]
        sums = torch.from_numpy(signs).to(torch.float64) @ self._products
        self._sums = sums.div_(self._n_samples).view(-1, *self._shape)
        self._loaded = range(first, first + self._ahead)
        self._on_load(self._ahead)

    def _pairs(self, runs: Tensor) -> Tensor:
        """The columns of the runs' pairs; found anew only when some runs have left."""
        if runs is not self._runs:
            self._runs = runs
            self._kept = self._columns[self._slots.select(runs)[1]]
        return self._kept
