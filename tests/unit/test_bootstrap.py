"""Bootstrap intervals of many means: by hand, by enumeration, beside scipy's, and at the edges."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from irm_bench.statistics import bootstrap
from irm_bench.statistics.bootstrap import bca_mean_intervals
from tests.unit.samples_case import FEW, MAIZE, SAMPLES, SHIFTS, rng

pytestmark = pytest.mark.filterwarnings("error")

LATTICE = [1.1, 1.2, 1.2, 1.4, 1.6]  # their means tie in decimals, and miss in binary


class EveryResample:
    """Stands in for a generator: every resample of n values once, as counts of each value."""

    bit_generator = SimpleNamespace(state=None)

    def multinomial(self, n: int, shares: np.ndarray, size: int) -> np.ndarray:
        draws = itertools.product(range(n), repeat=n)
        return np.array([np.bincount(draw, minlength=n) for draw in draws])


def by_hand(values: list[float], weights: np.ndarray) -> np.ndarray:
    """Efron (1987) as written: ties counted half, the jackknife by leaving one out."""
    values, n = np.array(values, dtype=float), len(values)
    means, estimate = (weights @ values / n).round(12), values.mean().round(12)
    bias = stats.norm.ppf((means < estimate).mean() + (means == estimate).mean() / 2)
    jackknife = np.array([np.delete(values, i).mean() for i in range(n)])
    d = jackknife.mean() - jackknife
    acceleration = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    shifted = bias + stats.norm.ppf([0.025, 0.975])
    return np.quantile(means, stats.norm.cdf(bias + shifted / (1 - acceleration * shifted)))


def of_one(values, seed: int = 0, n_resamples: int = 200) -> list[float]:
    """Low and high of one group."""
    low, high = bca_mean_intervals([values], rng(seed), n_resamples)
    return [low[0], high[0]]


@pytest.mark.parametrize("values", [[0.1, 0.4, 0.5, 1.3, 4.0], [0, 0, 1, 1, 1], LATTICE])
def test_it_is_the_definition_over_all_resamples(values):
    """All nⁿ of them, once each, instead of random ones."""
    generator = EveryResample()
    low, high = bca_mean_intervals([values], generator)
    weights = generator.multinomial(len(values), [], 0)
    assert [low[0], high[0]] == pytest.approx(by_hand(values, weights), rel=1e-10)


@pytest.mark.parametrize("n_resamples", [37, 200])
def test_it_is_the_definition_over_drawn_resamples(n_resamples):
    values = rng().exponential(size=9)
    weights = rng(1).multinomial(9, np.full(9, 1 / 9), size=n_resamples)
    found = of_one(values, seed=1, n_resamples=n_resamples)
    assert found == pytest.approx(by_hand(values, weights), rel=1e-10)


@pytest.mark.parametrize("n", [8, 40])
def test_it_agrees_with_scipy(n):
    matrix = rng(1).exponential(size=(30, n))
    expected = stats.bootstrap(
        (matrix,), np.mean, axis=1, n_resamples=5000, method="BCa", rng=rng(2)
    ).confidence_interval
    low, high = bca_mean_intervals(matrix, rng(3), n_resamples=5000)
    error = matrix.std(axis=1, ddof=1) / np.sqrt(n)
    # Over 20 pairs of generators the two differ, in standard errors of the mean, with sd 0.05
    # (low) and 0.11 (high, the long tail) a group, 0.010 and 0.018 on average of the 30.
    apart = np.array([low - expected.low, high - expected.high]) / error
    assert (np.abs(apart).max(axis=1) < 5 * np.array([0.05, 0.11])).all()
    assert (np.abs(apart.mean(axis=1)) < 4 * np.array([0.010, 0.018])).all()


def test_chunks_and_other_groups_change_no_bit(monkeypatch):
    matrix = rng().lognormal(size=(23, 9)) * 10.0 ** np.arange(-11, 12)[:, None]
    whole = bca_mean_intervals(matrix, rng(1))
    alone = bca_mean_intervals(matrix[4:5], rng(1))
    monkeypatch.setattr(bootstrap, "CHUNK", 6000)
    np.testing.assert_array_equal(whole, bca_mean_intervals(matrix, rng(1)))
    np.testing.assert_array_equal(np.array(whole)[:, 4:5], alone)


def test_a_seed_is_an_interval():
    assert of_one(MAIZE, seed=5) == of_one(MAIZE, seed=5)
    assert of_one(MAIZE, seed=5) != of_one(MAIZE, seed=6)


@FEW
@given(SAMPLES, SHIFTS, st.sampled_from([-1e6, -3.0, -0.01, 0.25, 7.0, 1e9]))
def test_it_moves_with_its_values(values, shift, factor):
    expected = sorted(factor * np.array(of_one(values)) + shift)
    size = np.abs(factor * values).max() + abs(shift)
    found = of_one(factor * values + shift)
    assert found == pytest.approx(expected, abs=1e-9 * size, nan_ok=True)


def test_values_that_are_not_finite_are_counted():
    with pytest.raises(ValueError, match="2 of 4 values are not finite"):
        of_one([1.0, np.nan, np.inf, 2.0])


def test_no_values():
    with pytest.raises(ValueError, match="no values"):
        of_one([])


def test_no_groups():
    assert [part.size for part in bca_mean_intervals(np.empty((0, 5)), rng())] == [0, 0]


def test_one_value_has_no_bounds():
    assert np.isnan(of_one([3.0])).all()


@pytest.mark.parametrize("value", [0.1, 7.0])
def test_zero_variance_is_degenerate(value):
    low, high = of_one([value] * 7)
    assert low == high == pytest.approx(value)


def test_spread_of_rounding_error_is_zero_variance():
    low, high = of_one(5 + np.array([0, 1, 0, 2, 1, 0]) * 2.0**-50)
    assert low == high


def test_few_resamples_all_on_one_side():
    for seed in range(20):
        low, high = of_one([0, 0, 0, 0, 1], seed, n_resamples=3)
        assert 0 <= low <= high <= 1


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_level(level):
    with pytest.raises(ValueError, match="level"):
        bca_mean_intervals([[1, 2, 3]], rng(), level=level)
