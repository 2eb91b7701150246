"""Balanced splits are uniform, and their moments exact."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from irm_bench.engine import lookup, splits
from irm_bench.engine.descent import BLOCK
from irm_bench.engine.problem import Slots
from irm_bench.engine.signs import SignStream, balanced_signs
from irm_bench.engine.splits import SignedMeans, SplitDraws, n_digits, to_bytes, to_whole
from irm_bench.theory.moments import products, unpack_products


@pytest.mark.parametrize("n", [2, 4, 50, 1000])
def test_every_split_is_balanced(n: int) -> None:
    signs = balanced_signs(np.random.default_rng(0), 200, n)
    assert set(np.unique(signs)) == {-1, 1}
    assert not signs.sum(axis=1).any()


def test_every_balanced_split_is_equally_likely() -> None:
    n = 6
    signs = balanced_signs(np.random.default_rng(1), 20_000, n)
    counts = Counter(map(bytes, signs))
    n_possible = len(list(itertools.combinations(range(n), n // 2)))
    assert len(counts) == n_possible
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_odd_numbers_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"odd number of rows \(7\)"):
        balanced_signs(np.random.default_rng(0), 1, 7)


@pytest.mark.parametrize("n", [40, 6000])
def test_products_are_rounded_to_whole_numbers_of_a_few_bytes(n: int) -> None:
    rows = np.random.default_rng(2).normal(size=(3, n)) * np.array([[1e-6], [1.0], [1e3]])
    whole, unit = to_whole(rows, n_digits(n))
    assert np.array_equal(whole, np.rint(whole))
    error = np.abs(whole * unit[:, None] - rows).max(axis=1) / np.abs(rows).max(axis=1)
    assert error.max() < 1.01 * 256.0 ** -n_digits(n)
    digits = to_bytes(whole, n_digits(n))
    assert digits.dtype == np.int8
    powers = 256 ** np.arange(len(digits))
    assert np.array_equal(np.einsum("k,kpn->pn", powers, digits.astype(np.int64)), whole)


def test_the_extreme_products_have_digits() -> None:
    whole, _ = to_whole(np.array([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), 4)
    assert to_bytes(whole, 4)[:, 0].tolist() == [[-127, 127, 0]] * 4


@pytest.mark.parametrize("n", [4, 4998, 60_000, 70_000, 10**6])
def test_digits_are_joined_exactly_up_to_the_largest_sums(n: int) -> None:
    n_parts = n_digits(n)
    largest = torch.tensor([127 * n, -128 * n, 12345], dtype=torch.int32)
    found = splits.join_digits([largest] * n_parts, n)
    assert found.tolist() == [sum(256**k * s for k in range(n_parts)) for s in largest.tolist()]


@pytest.mark.parametrize("n_steps", [1, 2, 100])
@pytest.mark.parametrize("n", [30, 3000, splits.MIN_SHORT_ROWS, 5098])
def test_bytes_tables_and_float64_give_the_same_bits(n: int, n_steps: int) -> None:
    """Columns that fill no block, and rows that fill no word."""
    held = np.random.default_rng(3).normal(size=(17, 5, n))
    stream = SignStream(5, n)
    digits = n_digits(n)
    ways: list[splits.SignedSums] = [
        splits.ByProducts(5, 17, n, digits),
        splits.ByProducts(5, 17, n, 0),
        splits.ByTables(5, 17, n),
    ]
    results = []
    for way in ways:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(splits, "sums_of", lambda *sizes, way=way: way)
            results.append(torch.empty(n_steps, 5, 17, dtype=torch.float64))
            SignedMeans(held, len(held), stream).write(3, results[-1])
    for result in results[1:]:
        assert torch.equal(result, results[0])


def test_tables_hold_the_largest_sums() -> None:
    """All rows as large as they may be, and signs that all agree, word after word."""
    n = 64 * 9 + 2
    tables = lookup.Tables(65, n)
    for column in range(65):
        tables.put(column, np.full(n, float(lookup.LARGEST * (-1) ** column)))
    signs = torch.ones(6, n, dtype=torch.int8)
    signs[1::2] = -1
    sums = tables.signed_sums(signs)
    assert sums[0].tolist() == [float(n * lookup.LARGEST * (-1) ** c) for c in range(65)]
    assert torch.equal(sums[1::2], -sums[::2])


@pytest.mark.parametrize("n", [splits.MIN_TABLE_ROWS, 300, splits.MIN_SHORT_ROWS])
def test_tables_take_up_little_more_memory_than_the_numbers_in_float64(n: int) -> None:
    """Of few columns they would be mostly zeros."""
    n_filled_up = -(-n // lookup.WORD) * lookup.WORD
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "HAS_BYTE_PRODUCTS", False)
        for n_columns in (1, 2, 6, 7, 9, 13, 40):
            sums = splits.sums_of(5, n_columns, n)
            if isinstance(sums, splits.ByTables):
                n_bytes = sum(tables._numbers.nbytes for tables in sums._low_first)
                filled_up = -(-5 * n_columns // lookup.COLUMNS) * lookup.COLUMNS
                assert n_bytes <= filled_up * n_filled_up * 8
                assert n_filled_up < 1.3 * n
                assert filled_up <= 2 * 5 * n_columns
            else:
                assert 5 * n_columns < splits.MIN_TABLE_SUMS


def test_products_of_many_rows_are_small_enough_for_tables() -> None:
    largest, _ = to_whole(np.array([[-1.0, 1.0]]), n_digits(splits.MIN_SHORT_ROWS))
    assert np.abs(largest).max() <= lookup.LARGEST
    assert splits.ByTables.BASE <= lookup.LARGEST


def make_draws(ahead: int) -> tuple[SplitDraws, np.ndarray, SignStream]:
    rng = np.random.default_rng(4)
    held = np.stack([products(rng.normal(size=(40, 3)), rng.normal(size=40)) for _ in range(3)])
    stream = SignStream(5, 40)
    means = SignedMeans(held, len(held), stream)
    draws = SplitDraws([means], np.array([0, 1, 2, 0]), Slots((2, 2)), ahead=ahead)
    return draws, held, stream


@pytest.mark.parametrize("ahead", [1, BLOCK])
@pytest.mark.parametrize("step", [0, 3, BLOCK - 1, BLOCK, 5 * BLOCK + 17])
def test_draws_are_the_signed_means_of_the_step(step: int, ahead: int) -> None:
    draws, held, stream = make_draws(ahead)
    block, row = divmod(step, BLOCK)
    expected = (held * stream.block(block)[row]).mean(axis=2).T[:, [0, 1, 2, 0]]
    gram, cross = unpack_products(expected, 3)
    drawn = draws(step, torch.arange(2))
    assert np.allclose(drawn.gram, gram, atol=1e-11)
    assert np.allclose(drawn.cross, cross, atol=1e-11)


def test_draws_of_some_runs_are_theirs() -> None:
    draws, _, _ = make_draws(BLOCK)
    whole = draws(9, torch.arange(2))
    part = draws(9, torch.tensor([1]))
    assert torch.equal(part.cross, whole.cross[:, [1, 3]])


def test_columns_of_several_n_share_a_batch() -> None:
    """Two datasets of three seeds at each n, three cells: all in stretches of the seeds."""
    rng = np.random.default_rng(6)
    held = {
        n: [products(rng.normal(size=(n, 2)), rng.normal(size=n)) for _ in range(6)]
        for n in (20, 40)
    }
    streams = {n: SignStream(5, n) for n in held}
    means = [SignedMeans(held[n], 6, streams[n]) for n in held]
    of_cells = [[0, 1, 2], [6, 7, 8], [3, 4, 5], [9, 10, 11]]
    runs = [0, 1, 2, 3, 4, 5]
    draws = SplitDraws(means, np.ravel(of_cells), Slots((6, 6)))
    for step in (0, 7, BLOCK):
        columns = [
            (m * streams[n].block(step // BLOCK)[step % BLOCK]).mean(axis=1)
            for n in held
            for m in held[n]
        ]
        for chosen in (runs, [0, 2, 3], [5]):
            expected = np.array(columns)[
                [*np.ravel(of_cells)[chosen], *np.ravel(of_cells)[6:][chosen]]
            ]
            drawn = draws(step, torch.tensor(chosen))
            gram, cross = unpack_products(expected.T, 2)
            assert np.allclose(drawn.gram, gram, atol=1e-11)
            assert np.allclose(drawn.cross, cross, atol=1e-11)


def test_blocks_are_independent_streams_and_repeatable() -> None:
    stream = SignStream(5, 40)
    assert np.array_equal(stream.block(3), SignStream(5, 40).block(3))
    assert not np.array_equal(stream.block(3), stream.block(4))
    assert not np.array_equal(stream.block(3), SignStream(6, 40).block(3))
