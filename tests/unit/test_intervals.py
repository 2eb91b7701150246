"""Intervals and tests: published answers, exact enumeration, symmetries, coverage, edge rules."""

import itertools
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

import irm_bench.statistics.intervals as iv

# Student (1908), additional hours of sleep under two drugs, ten patients.
SLEEP_A = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_B = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
# Darwin's maize (Fisher, The Design of Experiments, 1935, chapter III), eighths of an inch.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])
# Montgomery and Runger, Applied Statistics and Probability, alloy adhesion: load at failure (MPa).
ADHESION = np.ravel(
    [
        [19.8, 10.1, 14.9, 7.5, 15.4, 15.4, 15.4, 18.5, 7.9, 12.7, 11.9],
        [11.4, 11.4, 14.1, 17.6, 16.7, 15.8, 19.5, 8.8, 13.6, 11.9, 11.4],
    ]
)
# Efron and Tibshirani, An Introduction to the Bootstrap (1993), table 14.1: spatial test, task A.
SPATIAL = np.ravel(
    [
        [48.0, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6],
        [0.0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41],
    ]
)

LATTICE = [1.1, 1.2, 1.2, 1.4, 1.6]  # their means tie in decimals, and miss in binary


class EveryResample:
    """Stands in for a generator: every resample of n values once, as counts of each value."""

    bit_generator = SimpleNamespace(state=None)

    def multinomial(self, n: int, shares: np.ndarray, size: int) -> np.ndarray:
        draws = itertools.product(range(n), repeat=n)
        return np.array([np.bincount(draw, minlength=n) for draw in draws])


def bca_by_hand(values: list[float], weights: np.ndarray) -> np.ndarray:
    """Efron (1987) as written: ties counted half, the jackknife by leaving one out."""
    values, n = np.array(values, dtype=float), len(values)
    means, estimate = (weights @ values / n).round(12), values.mean().round(12)
    bias = stats.norm.ppf((means < estimate).mean() + (means == estimate).mean() / 2)
    jackknife = np.array([np.delete(values, i).mean() for i in range(n)])
    d = jackknife.mean() - jackknife
    acceleration = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    shifted = bias + stats.norm.ppf([0.025, 0.975])
    return np.quantile(means, stats.norm.cdf(bias + shifted / (1 - acceleration * shifted)))


few = settings(max_examples=30, deadline=None, derandomize=True)
samples = st.lists(st.integers(-1000, 1000), min_size=2, max_size=30).map(
    lambda values: np.array(values, dtype=float)
)
shifts = st.integers(-(10**6), 10**6).map(lambda value: value / 8)
factors = st.sampled_from([-1e6, -3.0, -0.01, 0.25, 7.0, 1e9])


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bounds(interval: iv.Interval) -> list[float]:
    return [interval.low, interval.high]


def assert_share(hits: np.ndarray, expected: float) -> None:
    """Share of hits is within 4 binomial standard errors (a false alarm in 16,000) of expected."""
    error = np.sqrt(expected * (1 - expected) / hits.size)
    assert abs(hits.mean() - expected) < 4 * error


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

    def test_paired_test_sleep(self):
        test = iv.paired_test(SLEEP_A, SLEEP_B)
        assert test.estimate == pytest.approx(-1.58)
        assert test.p_value == pytest.approx(0.002833, abs=5e-7)
        assert (test.n, test.alternative, test.method) == (10, "two-sided", "paired t")

    @pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
    def test_paired_test_equals_scipy(self, alternative):
        a, b = rng().normal(size=(2, 12))
        expected = stats.ttest_rel(a, b, alternative=alternative).pvalue
        assert iv.paired_test(a, b, alternative).p_value == pytest.approx(expected, rel=1e-12)

    def test_paired_test_maize(self):
        assert iv.paired_test(MAIZE, 0 * MAIZE).p_value == pytest.approx(0.0497, abs=5e-5)

    def test_signed_rank_maize(self):
        test = iv.signed_rank_test(MAIZE, 0 * MAIZE)
        assert test.p_value == 0.041259765625  # W = 24
        walsh = [(x + y) / 2 for x, y in itertools.combinations_with_replacement(MAIZE, 2)]
        assert test.estimate == np.median(walsh)

    def test_signed_rank_drops_zeros(self):
        """Nine of the ten sleepers differ, all the same way, two of them tied: p = 2 / 2⁹."""
        assert iv.signed_rank_test(SLEEP_A, SLEEP_B).p_value == pytest.approx(2 / 2**9)

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

    def test_holm(self):
        assert iv.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert iv.holm([0.9, 0.5]) == pytest.approx([1, 1])
        p_values = np.random.default_rng(1).uniform(size=50) ** 4
        assert iv.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])

    def test_equivalence_by_formula(self):
        """n = 100, mean 0.04, sd 1.2, margin 0.36: t = (0.04 − 0.36) / 0.12 on 99 degrees."""
        values = rng().normal(size=100)
        values = 0.04 + 1.2 * (values - values.mean()) / values.std(ddof=1)
        test, interval = iv.equivalence(values, 0.36)
        assert test.p_value == pytest.approx(stats.t.cdf(-0.32 / 0.12, 99))
        assert test.p_value == pytest.approx(0.00447, abs=1e-5)
        half = 1.6603912 * 0.12  # t(0.95, 99)
        assert bounds(interval) == pytest.approx([0.04 - half, 0.04 + half])
        assert (interval.level, test.method, test.alternative) == (0.9, "TOST", "|mean| < 0.36")

    def test_bca_interval_spatial(self):
        """Efron and Tibshirani (1993), table 14.2: 90% BCa interval of the plug-in variance."""
        interval = iv.bca_interval(SPATIAL, rng(), 0.9, n_resamples=10_000, statistic=np.var)
        assert interval.estimate == pytest.approx(171.5, abs=0.05)
        assert bounds(interval) == pytest.approx([115.8, 259.6], rel=0.015)
        assert (interval.method, interval.n) == ("BCa", 26)

    @pytest.mark.parametrize("values", [[0.1, 0.4, 0.5, 1.3, 4.0], [0, 0, 1, 1, 1], LATTICE])
    def test_bca_mean_by_enumeration(self, values):
        """All nⁿ resamples, once each, instead of random ones."""
        generator = EveryResample()
        low, high = iv.bca_mean_intervals([values], generator)
        weights = generator.multinomial(len(values), [], 0)
        assert [low[0], high[0]] == pytest.approx(bca_by_hand(values, weights), rel=1e-10)

    @pytest.mark.parametrize("n_resamples", [37, 200])
    def test_bca_mean_by_hand(self, n_resamples):
        values = rng().exponential(size=9)
        low, high = iv.bca_mean_intervals([values], rng(1), n_resamples)
        weights = rng(1).multinomial(9, np.full(9, 1 / 9), size=n_resamples)
        assert [low[0], high[0]] == pytest.approx(bca_by_hand(values, weights), rel=1e-10)


class TestRowWise:
    def test_t_intervals_equal_scipy(self):
        matrix = rng().exponential(size=(7, 11))
        mean, low, high = iv.t_intervals(matrix, 0.9)
        expected = stats.ttest_1samp(matrix, 0, axis=1).confidence_interval(0.9)
        np.testing.assert_allclose(mean, matrix.mean(axis=1), rtol=1e-13)
        np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-12)

    @pytest.mark.parametrize("n", [8, 40])
    def test_bca_mean_intervals_agree_with_scipy(self, n):
        matrix = rng(1).exponential(size=(30, n))
        expected = stats.bootstrap(
            (matrix,), np.mean, axis=1, n_resamples=5000, method="BCa", rng=rng(2)
        ).confidence_interval
        low, high = iv.bca_mean_intervals(matrix, rng(3), n_resamples=5000)
        error = matrix.std(axis=1, ddof=1) / np.sqrt(n)
        # Over 20 pairs of generators the two differ, in standard errors of the mean, with sd 0.05
        # (low) and 0.11 (high, the long tail) a group, 0.010 and 0.018 on average of the 30.
        apart = np.array([low - expected.low, high - expected.high]) / error
        assert (np.abs(apart).max(axis=1) < 5 * np.array([0.05, 0.11])).all()
        assert (np.abs(apart.mean(axis=1)) < 4 * np.array([0.010, 0.018])).all()

    def test_chunks_and_other_groups_change_no_bit(self, monkeypatch):
        matrix = rng().lognormal(size=(23, 9)) * 10.0 ** np.arange(-11, 12)[:, None]
        whole = iv.bca_mean_intervals(matrix, rng(1))
        alone = iv.bca_mean_intervals(matrix[4:5], rng(1))
        monkeypatch.setattr(iv, "CHUNK", 6000)
        np.testing.assert_array_equal(whole, iv.bca_mean_intervals(matrix, rng(1)))
        np.testing.assert_array_equal(np.array(whole)[:, 4:5], alone)

    def test_same_seed_same_interval(self):
        assert iv.bca_interval(MAIZE, rng(5)) == iv.bca_interval(MAIZE, rng(5))
        assert iv.bca_interval(MAIZE, rng(5)) != iv.bca_interval(MAIZE, rng(6))
        first, again, other = (iv.bca_mean_intervals([MAIZE], rng(seed)) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        assert (np.array(first) != np.array(other)).any()

    def test_no_groups(self):
        assert [part.size for part in iv.t_intervals(np.empty((0, 5)))] == [0, 0, 0]
        assert [part.size for part in iv.bca_mean_intervals(np.empty((0, 5)), rng())] == [0, 0]


def _bca_row(values: np.ndarray) -> iv.Interval:
    low, high = iv.bca_mean_intervals(values[None], rng(), n_resamples=200)
    mean = iv.t_intervals(values[None])[0]
    return iv.Interval(mean[0], low[0], high[0], 0.95, "BCa", values.size)


class TestSymmetries:
    @few
    @given(samples, shifts, factors)
    @pytest.mark.parametrize(
        "interval", [iv.t_interval, iv.prediction_interval, iv.median_interval, _bca_row]
    )
    def test_shift_and_scale(self, interval, values, shift, factor):
        plain, moved = interval(values), interval(factor * values + shift)
        expected = sorted(factor * np.array(bounds(plain)) + shift)
        size = np.abs(factor * values).max() + abs(shift)
        assert bounds(moved) == pytest.approx(expected, abs=1e-9 * size, nan_ok=True)

    @settings(few, max_examples=15)
    @given(samples, shifts, st.sampled_from([0.25, 7.0, 1e9]))
    def test_paired_p_values_have_no_unit(self, values, shift, factor):
        other = values[::-1].copy()
        for test in (iv.paired_test, iv.signed_rank_test):
            plain = test(values, other)
            moved = test(factor * values + shift, factor * other + shift)
            assert moved.p_value == pytest.approx(plain.p_value, rel=1e-6)
            assert test(other, values).p_value == pytest.approx(plain.p_value, rel=1e-9)

    @few
    @given(samples, st.floats(1, 2000))
    def test_equivalence_says_what_its_interval_says(self, values, margin):
        test, interval = iv.equivalence(values, margin)
        inside = -margin < interval.low and interval.high < margin
        assert inside == (test.p_value < 0.05)
        moved, _ = iv.equivalence(8 * values, 8 * margin)
        assert moved.p_value == test.p_value

    @few
    @given(samples, st.sampled_from([1e-3, 2.0, 1e6]))
    def test_ratio_scales_with_its_numerator(self, values, factor):
        numerator, denominator = np.abs(values) + 1, np.abs(values[::-1]) + 1
        plain = iv.ratio_interval(numerator, denominator)
        moved = iv.ratio_interval(factor * numerator, denominator)
        inverse = iv.ratio_interval(denominator, numerator)
        assert bounds(moved) == pytest.approx(factor * np.array(bounds(plain)), rel=1e-9)
        assert bounds(inverse) == pytest.approx([1 / plain.high, 1 / plain.low], rel=1e-9)

    @settings(few, max_examples=15)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_holm_keeps_order_and_only_raises(self, p_values):
        adjusted, plain = iv.holm(p_values), np.array(p_values)
        assert (adjusted >= plain).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(plain, kind="stable")]) >= 0).all()


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

    def test_paired_test_size(self):
        a, b = rng(4).normal(size=(2, 600, 6))
        p_values = [iv.paired_test(*pair).p_value for pair in zip(a, b, strict=True)]
        assert_share(np.array(p_values) < 0.05, 0.05)

    @pytest.mark.parametrize(("sd", "size"), [(0.1, 0.05), (2.0, None)])
    def test_equivalence_size_at_the_margin(self, sd, size):
        """α where the other bound is far off, below α where noise is as wide as the margin."""
        draws = rng(5).normal(1, sd, size=(500, 10))
        rejected = np.array([iv.equivalence(row, 1)[0].p_value < 0.05 for row in draws])
        if size:
            assert_share(rejected, size)
        assert rejected.mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / rejected.size)


ONE_SAMPLE = {
    "t": iv.t_interval,
    "bca": lambda values: iv.bca_interval(values, rng()),
    "bca rows": lambda values: _bca_row(np.asarray(values, dtype=float)),
    "prediction": iv.prediction_interval,
    "median": iv.median_interval,
    "ratio": lambda values: iv.ratio_interval(values, np.ones_like(values)),
    "tost": lambda values: iv.equivalence(values, 10)[1],
}
PAIRED = [iv.paired_test, iv.signed_rank_test, iv.probability_better, iv.ratio_interval]


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
    @pytest.mark.parametrize("test", PAIRED)
    def test_pairs_must_match(self, test):
        with pytest.raises(ValueError, match="got 2 and 3"):
            test([1, 2], [1, 2, 3])
        with pytest.raises(ValueError, match="1 of 2 values are not finite"):
            test([1, 2], [1, np.nan])

    @pytest.mark.parametrize("test", [iv.paired_test, iv.signed_rank_test])
    def test_paired_tests(self, test):
        assert np.isnan(test([1.0], [2.0]).p_value)
        assert test([1.0, 2, 3], [1.0, 2, 3]).p_value == 1
        with pytest.raises(ValueError, match="known: two-sided, less, greater"):
            test([1, 2], [3, 5], "smaller")

    @pytest.mark.parametrize(
        ("alternative", "p_value"), [("two-sided", 0), ("less", 0), ("greater", 1)]
    )
    def test_constant_difference(self, alternative, p_value):
        assert iv.paired_test([1, 2, 3], [2, 3, 4], alternative).p_value == p_value

    def test_rounding_error_is_no_finding(self):
        a = rng().normal(size=20)
        test = iv.paired_test(a * (1 + 2**-52), a)
        assert (test.estimate, test.p_value) == (0, 1)
        assert iv.probability_better(a * (1 + 2**-52), a).estimate == 0.5

    def test_spread_of_rounding_error_is_zero_variance(self):
        values = 5 + np.array([0, 1, 0, 2, 1, 0]) * 2.0**-50
        for interval in (iv.t_interval(values), iv.prediction_interval(values), _bca_row(values)):
            assert bounds(interval) == [interval.estimate] * 2
        assert iv.equivalence(values, 6)[0].p_value == 0

    @pytest.mark.parametrize(("value", "p_value"), [(0.5, 0), (-1, 1), (1, 1), (2, 1)])
    def test_equivalence_of_a_constant(self, value, p_value):
        assert iv.equivalence([value] * 4, 1)[0].p_value == p_value

    def test_equivalence_arguments(self):
        assert np.isnan(iv.equivalence([0.1], 1)[0].p_value)
        for margin in (0, -1, np.inf, np.nan):
            with pytest.raises(ValueError, match="margin"):
                iv.equivalence([1, 2], margin)
        with pytest.raises(ValueError, match="level"):
            iv.equivalence([1, 2], 1, level=0.5)

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

    def test_few_resamples_all_on_one_side(self):
        for seed in range(20):
            low, high = iv.bca_mean_intervals([[0, 0, 0, 0, 1]], rng(seed), n_resamples=3)
            assert 0 <= low[0] <= high[0] <= 1

    def test_bca_undefined(self):
        result = iv.bca_interval([0, 0, 0, 0, 0, 1], rng(), statistic=np.median)
        assert result.estimate == 0
        assert np.isnan(bounds(result)).all()

    @pytest.mark.parametrize("values", [[1e300, -1e300, 3e299], [1e-200, 2e-200, 0]])
    def test_extreme_magnitudes(self, values):
        unit = np.abs(values).max()
        scaled = iv.t_interval(np.array(values) / unit)
        assert bounds(iv.t_interval(values)) == pytest.approx(np.array(bounds(scaled)) * unit)
        assert iv.paired_test(values, np.zeros(3)).p_value == pytest.approx(
            iv.paired_test(np.array(values) / unit, np.zeros(3)).p_value
        )

    @pytest.mark.parametrize("level", [0, 1, 95, np.nan])
    def test_level(self, level):
        for interval in (iv.t_interval, iv.prediction_interval, iv.median_interval):
            with pytest.raises(ValueError, match="level"):
                interval([1, 2, 3], level)
        with pytest.raises(ValueError, match="level"):
            iv.bca_interval([1, 2, 3], rng(), level)
        with pytest.raises(ValueError, match="level"):
            iv.wilson_interval(1, 2, level)

    def test_shape(self):
        with pytest.raises(ValueError, match="expected 1 axes"):
            iv.t_interval([[1, 2], [3, 4]])
        with pytest.raises(ValueError, match="expected 2 axes"):
            iv.t_intervals([1, 2])

    @pytest.mark.parametrize("p_values", [[], [0.1, np.nan], [-0.1], [1.1]])
    def test_holm_arguments(self, p_values):
        with pytest.raises(ValueError, match=r"p values|no values|not finite"):
            iv.holm(p_values)


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
