"""Balanced splits are uniform, and their moments exact."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from irm_bench.engine import BLOCK, Slots
from irm_bench.moments import products, unpack_products
from irm_bench.splits import SignStream, SplitDraws, balanced_signs, on_exact_grid


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


def test_sums_on_the_exact_grid_are_exact_in_any_order() -> None:
    rng = np.random.default_rng(2)
    rows = on_exact_grid(rng.normal(size=(3, 5000)) * np.array([[1e-6], [1.0], [1e3]]))
    signs = balanced_signs(rng, 1, 5000)[0]
    orders = [rng.permutation(5000) for _ in range(5)]
    sums = [np.array([sum((row * signs)[order].tolist()) for row in rows]) for order in orders]
    assert all(np.array_equal(s, sums[0]) for s in sums)


def test_rounding_to_the_exact_grid_is_tiny() -> None:
    rows = np.random.default_rng(3).normal(size=(2, 10_000))
    error = np.abs(on_exact_grid(rows) - rows).max(axis=1) / np.abs(rows).max(axis=1)
    assert error.max() < 2**-39


def make_draws(ahead: int) -> tuple[SplitDraws, np.ndarray, SignStream]:
    rng = np.random.default_rng(4)
    held = np.stack([products(rng.normal(size=(40, 3)), rng.normal(size=40)) for _ in range(3)])
    stream = SignStream(5, 40)
    draws = SplitDraws(held, stream, np.array([0, 1, 2, 0]), Slots((2, 2)), ahead=ahead)
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


def test_blocks_are_independent_streams_and_repeatable() -> None:
    stream = SignStream(5, 40)
    assert np.array_equal(stream.block(3), SignStream(5, 40).block(3))
    assert not np.array_equal(stream.block(3), stream.block(4))
    assert not np.array_equal(stream.block(3), SignStream(6, 40).block(3))
