"""The moments that random splits of the rows give (``signs.py``), for whole blocks of steps.

The split-half penalty sees a split s only through D = (1/n) Σ s_i m_i, m_i the products of row i
(``moments.py``). The D of a block of steps, for many environments and seeds, is one matrix product,
or looked up in tables (``lookup.py``).

Two rows with products m = 0.5 and −0.25, in two digits. The larger becomes 127·257 = 32,639 units,
so a unit is 0.5/32,639, and the rows are the whole numbers 32,639 and −16,320 (−16,319.5, rounded).
To the base 256 with digits from −128 to 127 these are 127 + 127·256 and 64 − 64·256: as bytes, the
lowest digit first, (127, 127) and (64, −64). The split s = (+1, −1) sums each digit by itself,
(127 − 64, 127 + 64) = (63, 191), and joined they are 63 + 191·256 = 48,959 = 32,639 + 16,320,
exactly. Times unit/n it is D = 0.375, but for the rounding. No order of summation can change it.

Each step has a fresh split. All environments and seeds of one n share it: their rows are
independent and exchangeable, so every run sees uniformly random splits all the same.
"""

from collections.abc import Callable, Iterable, Sequence
from math import gcd, prod
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.lookup import COLUMNS, Tables
from irm_bench.engine.problem import Quadratic, Slots
from irm_bench.engine.signs import MAX_SIGNS, Signs, steps_within
from irm_bench.theory.moments import unpacking

# Rows from which bytes pay, where they multiply fast: their sums have to be put together.
MIN_BYTE_ROWS = 512
# Rows from which tables pay: of fewer it takes longer to write the sums than to add them up.
MIN_TABLE_ROWS = 256
# Rows from which the numbers have so few digits that tables hold their sums in 32 bits; those of
# fewer rows are cut in two.
MIN_SHORT_ROWS = 5000
# Numbers of D of a step from which tables pay: they are filled up to twice as many.
MIN_TABLE_SUMS = COLUMNS // 2
# Steps whose D are computed at once: the products are made ready for each matrix product anew.
AHEAD = 1024
# Numbers of D computed at once (128 MB): of many columns, fewer steps.
MAX_SUMS = 2**24
# Numbers of D of a step that one matrix product makes.
MAX_WIDTH = 512
# Sums of bytes in other than multiples of it take a third longer.
EVEN_SUMS = 16
# Numbers of D that are put together at once: few enough to stay in the cache.
MAX_JOINED = 2**14


def n_digits(n_samples: int) -> int:
    """Bytes that a product of a row is held in.

    Rounding to them moves φ by less than 1e-7 after 50,000 steps, far below its spread over seeds
    (``benchmarks/digits.py``); the effect falls with n.
    """
    return 3 if n_samples >= MIN_SHORT_ROWS else 4


class SignedMeans:
    """D of many columns of products for any split, without rounding, so that order is no matter.

    The products of a column, (P, n) each, are rounded to whole multiples of a unit. Their signed
    sums are then exact, whichever way they are summed up.
    """

    def __init__(self, columns: Iterable[np.ndarray], n_columns: int, signs: Signs):
        self.signs = signs
        sums: Any = None
        units: Any = None
        for c, products in enumerate(columns):
            n_products, n_samples = products.shape
            if sums is None:
                units = np.empty((n_products, n_columns))
                sums = sums_of(n_products, n_columns, n_samples)
            for p, product in enumerate(products):  # one by one: each may be of a million rows
                whole, unit = to_whole(product, n_digits(n_samples))
                sums.put(p, c, whole)
                units[p, c] = unit / n_samples
        self._n_samples = n_samples
        self._sums: SignedSums = sums
        self._units = torch.from_numpy(units)

    @property
    def shape(self) -> tuple[int, int]:
        """What a step takes: P numbers for each column."""
        n_products, n_columns = self._units.shape
        return n_products, n_columns

    @property
    def max_steps(self) -> int:
        """Steps whose signs may be held."""
        return steps_within(MAX_SIGNS, self._n_samples)

    def write(self, first: int, out: Tensor) -> None:
        """Write D (n_steps, P, column) of the steps from ``first`` on."""
        self._sums.write(self._signs(first, len(out)), self._units, out)

    def _signs(self, first: int, n_steps: int) -> Tensor:
        """Signs (n_steps, n) of the steps from ``first`` on."""
        index, row = divmod(first, self.signs.block_steps)
        n_blocks = -(-(row + n_steps) // self.signs.block_steps)
        blocks = [self.signs.block(index + i) for i in range(n_blocks)]
        signs = blocks[0] if n_blocks == 1 else np.concatenate(blocks)
        return torch.from_numpy(signs[row : row + n_steps])


class SignedSums(Protocol):
    """Whole numbers of many products and columns, and their sums under many vectors of signs."""

    def put(self, product: int, column: int, whole: np.ndarray) -> None:
        """Take the numbers (n,) of a product of a column."""
        ...

    def write(self, signs: Tensor, units: Tensor, out: Tensor) -> None:
        """Write the sums times units (P, column), under signs int8 (T, n): (T, P, column)."""
        ...


def sums_of(n_products: int, n_columns: int, n_samples: int) -> SignedSums:
    """The fastest way here: where rows are many by bytes, 8 times the rate of float64, where the
    processor has instructions for them, else by tables, 5 times that rate; else in float64."""
    if HAS_BYTE_PRODUCTS and n_samples >= MIN_BYTE_ROWS:
        return ByProducts(n_products, n_columns, n_samples, n_digits(n_samples))
    tables_pay = n_samples >= MIN_TABLE_ROWS and n_products * n_columns >= MIN_TABLE_SUMS
    if tables_pay and not HAS_BYTE_PRODUCTS:
        return ByTables(n_products, n_columns, n_samples)
    return ByProducts(n_products, n_columns, n_samples, 0)


class ByTables:
    """By tables of partial sums (``lookup.py``), of numbers up to 2²³ or of their two halves."""

    BASE = 2.0**16

    def __init__(self, n_products: int, n_columns: int, n_samples: int):
        n_parts = 1 if n_digits(n_samples) < 4 else 2
        self._low_first = [Tables(n_products * n_columns, n_samples) for _ in range(n_parts)]
        self._n_columns = n_columns

    def put(self, product: int, column: int, whole: np.ndarray) -> None:
        *lower, highest = self._low_first
        for tables in lower:
            rest = np.rint(whole / self.BASE)
            tables.put(product * self._n_columns + column, whole - rest * self.BASE)
            whole = rest
        highest.put(product * self._n_columns + column, whole)

    def write(self, signs: Tensor, units: Tensor, out: Tensor) -> None:
        *lower, highest = (tables.signed_sums(signs) for tables in self._low_first)
        for sums in lower:
            highest = torch.add(sums, highest, alpha=self.BASE)
        torch.mul(highest.view(out.shape), units, out=out)


class ByProducts:
    """By matrix products: of so many digits, in bytes, or of the numbers in float64 if of none."""

    def __init__(self, n_products: int, n_columns: int, n_samples: int, digits: int):
        kind = torch.int8 if digits else torch.float64
        self._digits = digits
        self._parts = torch.empty(n_products, max(1, digits), n_columns, n_samples, dtype=kind)
        self._sums = torch.empty(0)

    def put(self, product: int, column: int, whole: np.ndarray) -> None:
        parts = to_bytes(whole, self._digits) if self._digits else whole[None]
        self._parts[product, :, column] = torch.from_numpy(parts)

    def write(self, signs: Tensor, units: Tensor, out: Tensor) -> None:
        width = self._width()
        for p in range(0, len(units), width):
            block = slice(p, p + width)
            parts = self._parts[block]
            sums = self._memory(len(out), *parts.shape[:-1])
            signed_sums(signs, parts.view(-1, parts.shape[-1]).T, sums.view(len(out), -1))
            n_steps = max(1, MAX_JOINED // units[block].numel())
            for some, to in zip(sums.split(n_steps), out[:, block].split(n_steps), strict=True):
                torch.mul(join_digits(some.unbind(2), signs.shape[1]), units[block], out=to)

    def _width(self) -> int:
        """Products of a row that one matrix product sums up."""
        width = max(1, MAX_WIDTH // self._parts.shape[2])
        even = EVEN_SUMS // gcd(EVEN_SUMS, self._parts[0, ..., 0].numel())
        return max(width - width % even, min(width, even))

    def _memory(self, *shape: int) -> Tensor:
        """Numbers to write sums to: the same memory each time, as new memory costs time."""
        if self._sums.numel() < prod(shape):
            kind = torch.int32 if self._digits else torch.float64
            self._sums = torch.empty(prod(shape), dtype=kind)
        return self._sums[: prod(shape)].view(shape)


def to_whole(products: np.ndarray, n_digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Products (…, n) as whole numbers in float64, and what a unit of them is worth (…).

    The largest becomes 127·(1 + 256 + …), the largest number of so many digits from −128 to 127.
    """
    limit = 127 * (256**n_digits - 1) // 255
    largest = np.maximum(products.max(axis=-1), -products.min(axis=-1))
    unit = np.maximum(largest, np.finfo(float).tiny) / limit
    whole = products / unit[..., None]
    return np.rint(whole, out=whole), unit


def to_bytes(whole: np.ndarray, n_digits: int) -> np.ndarray:
    """Digits to the base 256, each from −128 to 127, the lowest first: int8 (digit, …)."""
    # With 128 added to every digit they are the bytes of a number that is not negative.
    shift = 128 * (256**n_digits - 1) // 255
    shifted = (whole.astype("<i8") + shift) ^ shift
    every = shifted.view(np.int8).reshape(*whole.shape, 8)
    return every.transpose(-1, *range(whole.ndim))[:n_digits]


def _has_byte_products() -> bool:
    """Whether bytes multiply fast here, and exactly: without the instructions sums may saturate."""
    has_instructions = getattr(torch.cpu, "_is_vnni_supported", bool)()
    if not (
        has_instructions and hasattr(torch, "_int_mm") and torch.backends.mkldnn.is_available()
    ):
        return False
    signs, lowest = torch.ones(32, 64, dtype=torch.int8), torch.full((32, 64), -128).char()
    try:
        return bool((torch._int_mm(signs, lowest.T) == -128 * 64).all())
    except RuntimeError:
        return False


HAS_BYTE_PRODUCTS = _has_byte_products()


def signed_sums(signs: Tensor, numbers: Tensor, out: Tensor | None = None) -> Tensor:
    """signs int8 (T, n) @ numbers (n, column): bytes, or whole numbers in float64."""
    if numbers.dtype == torch.int8:
        return torch._int_mm(signs, numbers, out=out)
    return torch.matmul(signs.double(), numbers, out=out)


def join_digits(sums: Sequence[Tensor], n_samples: int) -> Tensor:
    """Σ_k 256^k sums[k] in float64, exactly: sums of ``n_samples`` bytes, the lowest digit first.

    Two digits are joined in int32 where they fit it, at half the cost of float64.
    """
    base = 256.0
    if 128 * 257 * n_samples < 2**31 and sums[0].dtype == torch.int32:
        pairs = [sums[i : i + 2] for i in range(0, len(sums), 2)]
        sums = [torch.add(*pair, alpha=256) if len(pair) == 2 else pair[0] for pair in pairs]
        base = 65536.0
    *low, high = sums
    joined = high.double()
    for part in reversed(low):
        joined = torch.add(part.double(), joined, alpha=base)
    return joined


class Means(Protocol):
    """D of many columns for any step: of splits of their rows, or by its law (``split_law.py``)."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def max_steps(self) -> int: ...

    def write(self, first: int, out: Tensor) -> None: ...


class SplitDraws:
    """Draws of the split-half penalty: D of a step, as a Quadratic over the pairs.

    A draw holds until the next one, which is written to the same memory.

    means: the columns of each n, in turn; pair_columns (pair,) tells which of them a pair trains
    on. ``ahead`` is the largest number of steps whose D are computed at once, a power of two: 1
    where few steps are ever asked for. ``on_load`` is told how many steps were computed.
    """

    def __init__(
        self,
        means: Sequence[Means],
        pair_columns: np.ndarray,
        slots: Slots,
        ahead: int = AHEAD,
        on_load: Callable[[int], object] = lambda n_steps: None,
    ):
        self._means = means
        self._columns = np.asarray(pair_columns)
        self._slots = slots
        n_sums = sum(prod(m.shape) for m in means)
        self.ahead = min(ahead, steps_within(MAX_SUMS, n_sums), *(m.max_steps for m in means))
        self._on_load = on_load
        shape = (self.ahead, means[0].shape[0], sum(m.shape[1] for m in means))
        self._written = torch.empty(shape, dtype=torch.float64)  # once: new memory costs time
        self._loaded = range(0)
        self._runs: Tensor | None = None

    def __call__(self, step: int, runs: Tensor) -> Quadratic:
        if step not in self._loaded:
            self._load(step - step % self.ahead, runs.device)
        if runs is not self._runs:
            self._find(runs)
        # One step at a time: the numbers of more would not stay in the cache.
        stretches = self._sums[step - self._loaded.start].view(-1, self._stretch)
        torch.index_select(stretches, 0, self._places, out=self._rows)
        return self._found

    def _load(self, first: int, device: torch.device) -> None:
        widths = [means.shape[1] for means in self._means]
        for means, part in zip(self._means, self._written.split(widths, dim=2), strict=True):
            means.write(first, part)
        self._sums = self._written.to(device)
        self._loaded = range(first, first + self.ahead)
        self._on_load(self.ahead)

    @property
    def n_products(self) -> int:
        return self._means[0].shape[0]

    def sums(self, steps: range) -> np.ndarray:
        """D (step, P, column) of steps that all lie between two multiples of ``ahead``."""
        if steps.start not in self._loaded:
            self._load(steps.start - steps.start % self.ahead, torch.device("cpu"))
        start = steps.start - self._loaded.start
        return self._sums[start : start + len(steps)].numpy()

    def columns(self, runs: Tensor) -> np.ndarray:
        """The column (pair,) that each pair of the runs trains on."""
        return self._columns[self._slots.select(runs)[1].cpu().numpy()]

    def _find(self, runs: Tensor) -> None:
        """Where the D of the runs' pairs stand, in the longest stretches that can be copied whole.

        Done anew only when some runs have left.
        """
        columns = self.columns(runs)
        _, n_products, n_columns = self._sums.shape
        breaks = np.flatnonzero(np.diff(columns) != 1) + 1
        bounds = [len(columns), n_columns, *breaks, *columns[[0, *breaks]]]
        self._stretch = int(np.gcd.reduce(bounds))
        # P = d(d + 1)/2 + d, solved for d
        rows = unpacking(int((np.sqrt(9 + 8 * n_products) - 3) / 2))
        starts = columns[:: self._stretch] // self._stretch
        places = rows[:, None] * (n_columns // self._stretch) + starts
        self._places = torch.from_numpy(places.ravel()).to(runs.device)
        self._shape = (len(rows), len(columns))
        self._rows = self._sums.new_empty(len(self._places), self._stretch)
        self._found = Quadratic.of_rows(self._rows.view(self._shape))
        self._runs = runs
