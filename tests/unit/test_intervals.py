"""Intervals over seeds: published answers, symmetries, coverage, edge rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

import irm_bench.statistics.intervals as iv
from tests.unit.samples_case import (
    FEW,
    SAMPLES,
    SHIFTS,
    SLEEP_A,
    SLEEP_B,
    assert_share,
    bounds,
    rng,
)

pytestmark = pytest.mark.filterwarnings("error")

# Montgomery and Runger, Applied Statistics and Probability, alloy adhesion: load at failure (MPa).
ADHESION = np.ravel(
    [
        [19.8, 10.1, 14.9, 7.5, 15.4, 15.4, 15.4, 18.5, 7.9, 12.7, 11.9],
        [11.4, 11.4, 14.1, 17.6, 16.7, 15.8, 19.5, 8.8, 13.6, 11.9, 11.4],
    ]
)


class TestKnownAnswers:
    def test_t_interval_alloy_adhesion(self):
        interval = iv.t_interval(ADHESION)
        assert interval.estimate == pytest.approx(13.71, abs=0.005)
        assert bounds(interval) == pytest.approx([12.14, 15.28], abs=0.011)  # from rounded s
        assert (interval.level, interval.method, interval.n) == (0.95, "t", 22)

    def test_prediction_interval_alloy_adhesion(self):
        interval = iv.prediction_interval(ADHESION)
        assert bounds(interval) == pytest.approx([6.16, 21.26], abs=0.015)
        assert interval.method == "prediction-t"

    def test_t_interval_sleep(self):
        interval = iv.t_interval(SLEEP_A - SLEEP_B)
        assert bounds(interval) == pytest.approx([-2.4598858, -0.7001142], abs=1e-7)

    def test_ratio_interval_by_hand(self):
        """Log ratios ln 2 and ln 8: mean ln 4, half width t(1) (ln 4/√2)/√2 = 12.706 ln 2."""
        interval = iv.ratio_interval([2, 24], [1, 3])
        assert interval.estimate == pytest.approx(4)
        assert bounds(interval) == pytest.approx([4 / 2**12.7062047, 4 * 2**12.7062047])
        assert interval.method == "log-t"

    @pytest.mark.parametrize(
        ("n", "ranks"),
        [(6, (1, 6)), (10, (2, 9)), (15, (4, 12)), (20, (6, 15)), (25, (8, 18)), (100, (40, 61))],
    )
    def test_median_interval_ranks(self, n, ranks):
        interval = iv.median_interval(rng().permutation(n) + 1)
        assert bounds(interval) == list(ranks)
        assert interval.estimate == (n + 1) / 2

    @pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
    def test_wilson_is_that_of_statsmodels(self, level):
        for successes, n in ((0, 7), (3.5, 5), (29, 263), (1999, 2000), (4, 4)):
            expected = proportion_confint(successes, n, alpha=1 - level, method="wilson")
            found = bounds(iv.wilson_interval(successes, n, level))
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)

    @pytest.mark.parametrize(
        ("successes", "n", "expected"),
        [
            (81, 263, (0.2553, 0.3662)),
            (15, 148, (0.0624, 0.1605)),
            (0, 20, (0, 0.1611)),
            (1, 29, (0.0061, 0.1718)),
        ],
    )
    def test_wilson_newcombe(self, successes, n, expected):
        """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
        assert bounds(iv.wilson_interval(successes, n)) == pytest.approx(expected, abs=5e-5)

    def test_probability_better_counts_ties_half(self):
        interval = iv.probability_better([1, 2, 3, 4, 5], [2, 3, 4, 4, 0])
        assert interval == iv.wilson_interval(3.5, 5)
        assert interval.estimate == 0.7


class TestRowWise:
    def test_t_intervals_equal_scipy(self):
        matrix = rng().exponential(size=(7, 11))
        mean, low, high = iv.t_intervals(matrix, 0.9)
        expected = stats.ttest_1samp(matrix, 0, axis=1).confidence_interval(0.9)
        np.testing.assert_allclose(mean, matrix.mean(axis=1), rtol=1e-13)
        np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-12)

    def test_no_groups(self):
        assert [part.size for part in iv.t_intervals(np.empty((0, 5)))] == [0, 0, 0]


class TestSymmetries:
    @FEW
    @given(SAMPLES, SHIFTS, st.sampled_from([-1e6, -3.0, -0.01, 0.25, 7.0, 1e9]))
    @pytest.mark.parametrize(
        "interval", [iv.t_interval, iv.prediction_interval, iv.median_interval]
    )
    def test_shift_and_scale(self, interval, values, shift, factor):
        plain, moved = interval(values), interval(factor * values + shift)
        expected = sorted(factor * np.array(bounds(plain)) + shift)
        size = np.abs(factor * values).max() + abs(shift)
        assert bounds(moved) == pytest.approx(expected, abs=1e-9 * size, nan_ok=True)

    @FEW
    @given(SAMPLES, st.sampled_from([1e-3, 2.0, 1e6]))
    def test_ratio_scales_with_its_numerator(self, values, factor):
        numerator, denominator = np.abs(values) + 1, np.abs(values[::-1]) + 1
        plain = iv.ratio_interval(numerator, denominator)
        moved = iv.ratio_interval(factor * numerator, denominator)
        inverse = iv.ratio_interval(denominator, numerator)
        assert bounds(moved) == pytest.approx(factor * np.array(bounds(plain)), rel=1e-9)
        assert bounds(inverse) == pytest.approx([1 / plain.high, 1 / plain.low], rel=1e-9)


class TestCoverage:
    @pytest.mark.parametrize("n", [5, 30])
    def test_t_interval(self, n):
        _, low, high = iv.t_intervals(rng(n).normal(3, 2, size=(10_000, n)))
        assert_share((low < 3) & (high > 3), 0.95)

    def test_prediction_interval(self):
        draws = rng(1).normal(3, 2, size=(1500, 6))
        intervals = [iv.prediction_interval(row[:5], 0.9) for row in draws]
        hits = [i.low < row[5] < i.high for i, row in zip(intervals, draws, strict=True)]
        assert_share(np.array(hits), 0.9)

    def test_median_interval(self):
        """Ranks 2 and 9 of 10 cover with probability 1 − 22/2¹⁰, whatever the distribution."""
        intervals = [iv.median_interval(row) for row in rng(2).standard_cauchy(size=(600, 10))]
        hits = [i.low <= 0 <= i.high for i in intervals]
        assert_share(np.array(hits), 1 - 22 / 2**10)

    def test_wilson_interval_exactly(self):
        """Coverage over all outcomes: near nominal on average (Brown, Cai and DasGupta, 2001)."""
        n, shares = 30, np.linspace(0.05, 0.95, 181)
        limits = np.array([bounds(iv.wilson_interval(k, n)) for k in range(n + 1)])
        inside = (limits[:, :1] <= shares) & (shares <= limits[:, 1:])
        exact = (inside * stats.binom.pmf(np.arange(n + 1)[:, None], n, shares)).sum(axis=0)
        assert exact.mean() == pytest.approx(0.95, abs=0.01)
        assert exact.min() > 0.9
        assert_share(rng(3).random(5000) < exact[90], exact[90])


ONE_SAMPLE = {
    "t": iv.t_interval,
    "prediction": iv.prediction_interval,
    "median": iv.median_interval,
    "ratio": lambda values: iv.ratio_interval(values, np.ones_like(values)),
}
PAIRED = [iv.probability_better, iv.ratio_interval, iv.rank_correlation]


@pytest.mark.parametrize("interval", ONE_SAMPLE.values(), ids=ONE_SAMPLE.keys())
class TestEdgesOfIntervals:
    def test_values_that_are_not_finite_are_counted(self, interval):
        with pytest.raises(ValueError, match="2 of 4 values are not finite"):
            interval([1.0, np.nan, np.inf, 2.0])

    def test_no_values(self, interval):
        with pytest.raises(ValueError, match="no values"):
            interval(np.array([]))

    def test_one_value_has_no_bounds(self, interval):
        result = interval([3.0])
        assert result.estimate == pytest.approx(3)
        assert np.isnan(bounds(result)).all()
        assert result.n == 1

    @pytest.mark.parametrize("value", [0.1, 7.0])
    def test_zero_variance_is_degenerate(self, interval, value):
        result = interval([value] * 7)
        assert bounds(result) == [result.estimate] * 2
        assert result.estimate == pytest.approx(value)


class TestEdges:
    @pytest.mark.parametrize("interval", PAIRED)
    def test_pairs_must_match(self, interval):
        with pytest.raises(ValueError, match="got 2 and 3"):
            interval([1, 2], [1, 2, 3])
        with pytest.raises(ValueError, match="1 of 2 values are not finite"):
            interval([1, 2], [1, np.nan])

    def test_rounding_error_is_a_tie(self):
        a = rng().normal(size=20)
        assert iv.probability_better(a * (1 + 2**-52), a).estimate == 0.5

    def test_spread_of_rounding_error_is_zero_variance(self):
        values = 5 + np.array([0, 1, 0, 2, 1, 0]) * 2.0**-50
        for interval in (iv.t_interval(values), iv.prediction_interval(values)):
            assert bounds(interval) == [interval.estimate] * 2

    def test_shares_keep_their_width(self):
        every = iv.probability_better([1, 2, 3], [2, 3, 4])
        assert every.estimate == every.high == 1
        assert 0.4 < every.low < 0.5
        assert np.isfinite(bounds(iv.probability_better([1], [2]))).all()
        for successes, n in ((0, 0), (3, 2), (-1, 2)):
            with pytest.raises(ValueError, match="successes"):
                iv.wilson_interval(successes, n)

    @pytest.mark.parametrize("n", range(1, 40))
    def test_shares_stay_inside_their_interval(self, n):
        for interval in (iv.wilson_interval(0, n), iv.wilson_interval(n, n)):
            assert 0 <= interval.low <= interval.estimate <= interval.high <= 1

    def test_ratio_needs_positive_values(self):
        with pytest.raises(ValueError, match="denominator: 2 of 3 values are not positive"):
            iv.ratio_interval([1, 2, 3], [0, -1, 2])

    def test_median_interval_needs_six_seeds(self):
        assert np.isnan(bounds(iv.median_interval([1, 2, 3, 4, 5]))).all()
        assert np.isfinite(bounds(iv.median_interval([1, 2, 3, 4, 5], 0.9))).all()

    @pytest.mark.parametrize("n", [2, 3, 5])
    def test_median_interval_at_the_edge_of_its_level(self, n):
        """Where the range covers exactly the level, rounding may not leave a single bound."""
        missing = np.isnan(bounds(iv.median_interval(np.arange(n), 1 - 2.0 ** (1 - n))))
        assert missing.all() or not missing.any()

    @pytest.mark.parametrize("values", [[1e300, -1e300, 3e299], [1e-200, 2e-200, 0]])
    def test_extreme_magnitudes(self, values):
        unit = np.abs(values).max()
        scaled = iv.t_interval(np.array(values) / unit)
        assert bounds(iv.t_interval(values)) == pytest.approx(np.array(bounds(scaled)) * unit)

    @pytest.mark.parametrize("level", [0, 1, 95, np.nan])
    def test_level(self, level):
        for interval in (iv.t_interval, iv.prediction_interval, iv.median_interval):
            with pytest.raises(ValueError, match="level"):
                interval([1, 2, 3], level)
        with pytest.raises(ValueError, match="level"):
            iv.wilson_interval(1, 2, level)

    def test_shape(self):
        with pytest.raises(ValueError, match="expected 1 axes"):
            iv.t_interval([[1, 2], [3, 4]])
        with pytest.raises(ValueError, match="expected 2 axes"):
            iv.t_intervals([1, 2])


def test_a_rank_correlation_is_scipys_and_its_interval_holds_the_truth():
    """Of normal pairs of correlation ρ the truth is 6/π · asin(ρ/2)."""
    rng = np.random.default_rng(4)
    rho, n, n_replicates = 0.5, 50, 800
    truth = 6 / np.pi * np.arcsin(rho / 2)
    covered = 0
    for _ in range(n_replicates):
        first, noise = rng.normal(size=(2, n))
        second = rho * first + np.sqrt(1 - rho**2) * noise
        found = iv.rank_correlation(first, second)
        covered += found.low <= truth <= found.high
    assert found.estimate == pytest.approx(stats.spearmanr(first, second).statistic)
    assert abs(covered / n_replicates - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n_replicates)


def test_a_rank_correlation_of_a_constant_has_no_value():
    assert np.isnan(iv.rank_correlation([1.0, 1, 1, 1, 1], [1.0, 2, 3, 4, 5]).estimate)
