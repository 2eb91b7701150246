"""Tests over seeds: published answers, scipy's and statsmodels', symmetries, sizes, edge rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from irm_bench.statistics.hypotheses import equivalence, holm, paired_test, welch
from tests.unit.samples_case import (
    FEW,
    FEWER,
    MAIZE,
    SAMPLES,
    SHIFTS,
    SLEEP_A,
    SLEEP_B,
    assert_share,
    bounds,
    rng,
)

pytestmark = pytest.mark.filterwarnings("error")


class TestKnownAnswers:
    def test_paired_test_sleep(self):
        test = paired_test(SLEEP_A, SLEEP_B)
        assert test.estimate == pytest.approx(-1.58)
        assert test.p_value == pytest.approx(0.002833, abs=5e-7)
        assert (test.n, test.alternative, test.method) == (10, "two-sided", "paired t")

    @pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
    def test_paired_test_equals_scipy(self, alternative):
        a, b = rng().normal(size=(2, 12))
        expected = stats.ttest_rel(a, b, alternative=alternative).pvalue
        assert paired_test(a, b, alternative).p_value == pytest.approx(expected, rel=1e-12)

    def test_paired_test_maize(self):
        assert paired_test(MAIZE, 0 * MAIZE).p_value == pytest.approx(0.0497, abs=5e-5)

    def test_welch_by_formula(self):
        """Of n = 4 and 3: t and its degrees of freedom by Welch and Satterthwaite."""
        a, b = np.array([1.0, 2, 3, 6]), np.array([8.0, 9, 13])
        interval, p_value = welch(a, b, 0.9)
        errors = a.var(ddof=1) / 4, b.var(ddof=1) / 3
        degrees = sum(errors) ** 2 / (errors[0] ** 2 / 3 + errors[1] ** 2 / 2)
        t, half = -7 / np.sqrt(sum(errors)), stats.t.ppf(0.95, degrees) * np.sqrt(sum(errors))
        assert p_value == pytest.approx(2 * stats.t.cdf(t, degrees))
        assert interval.estimate == -7
        assert bounds(interval) == pytest.approx([-7 - half, -7 + half])
        assert (interval.n, interval.level, interval.method) == (3, 0.9, "Welch t")

    def test_holm(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert holm([0.9, 0.5]) == pytest.approx([1, 1])
        p_values = np.random.default_rng(1).uniform(size=50) ** 4
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])

    def test_equivalence_by_formula(self):
        """n = 100, mean 0.04, sd 1.2, margin 0.36: t = (0.04 − 0.36) / 0.12 on 99 degrees."""
        values = rng().normal(size=100)
        values = 0.04 + 1.2 * (values - values.mean()) / values.std(ddof=1)
        test, interval = equivalence(values, 0.36)
        assert test.p_value == pytest.approx(stats.t.cdf(-0.32 / 0.12, 99))
        assert test.p_value == pytest.approx(0.00447, abs=1e-5)
        half = 1.6603912 * 0.12  # t(0.95, 99)
        assert bounds(interval) == pytest.approx([0.04 - half, 0.04 + half])
        assert (interval.level, test.method, test.alternative) == (0.9, "TOST", "|mean| < 0.36")


class TestSymmetries:
    @FEWER
    @given(SAMPLES, SHIFTS, st.sampled_from([0.25, 7.0, 1e9]))
    def test_paired_p_values_have_no_unit(self, values, shift, factor):
        other = values[::-1].copy()
        plain = paired_test(values, other)
        moved = paired_test(factor * values + shift, factor * other + shift)
        assert moved.p_value == pytest.approx(plain.p_value, rel=1e-6)
        assert paired_test(other, values).p_value == pytest.approx(plain.p_value, rel=1e-9)

    @FEW
    @given(SAMPLES, st.floats(1, 2000))
    def test_equivalence_says_what_its_interval_says(self, values, margin):
        test, interval = equivalence(values, margin)
        inside = -margin < interval.low and interval.high < margin
        assert inside == (test.p_value < 0.05)
        moved, _ = equivalence(8 * values, 8 * margin)
        assert moved.p_value == test.p_value

    @FEWER
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_holm_keeps_order_and_only_raises(self, p_values):
        adjusted, plain = holm(p_values), np.array(p_values)
        assert (adjusted >= plain).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(plain, kind="stable")]) >= 0).all()


class TestSizes:
    def test_paired_test(self):
        a, b = rng(4).normal(size=(2, 600, 6))
        p_values = [paired_test(*pair).p_value for pair in zip(a, b, strict=True)]
        assert_share(np.array(p_values) < 0.05, 0.05)

    def test_welch_of_unequal_variances(self):
        """Where a test of one variance for both would reject three times as often."""
        a, b = rng(6).normal(size=(800, 12)), 4 * rng(7).normal(size=(800, 6))
        found = [welch(*pair) for pair in zip(a, b, strict=True)]
        assert_share(np.array([p_value < 0.05 for _, p_value in found]), 0.05)
        assert_share(np.array([one.low < 0 < one.high for one, _ in found]), 0.95)

    @pytest.mark.parametrize(("sd", "size"), [(0.1, 0.05), (2.0, None)])
    def test_equivalence_at_the_margin(self, sd, size):
        """α where the other bound is far off, below α where noise is as wide as the margin."""
        draws = rng(5).normal(1, sd, size=(500, 10))
        rejected = np.array([equivalence(row, 1)[0].p_value < 0.05 for row in draws])
        if size:
            assert_share(rejected, size)
        assert rejected.mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / rejected.size)


class TestEdges:
    def test_pairs_must_match(self):
        with pytest.raises(ValueError, match="got 2 and 3"):
            paired_test([1, 2], [1, 2, 3])
        with pytest.raises(ValueError, match="1 of 2 values are not finite"):
            paired_test([1, 2], [1, np.nan])

    def test_paired_test(self):
        assert np.isnan(paired_test([1.0], [2.0]).p_value)
        assert paired_test([1.0, 2, 3], [1.0, 2, 3]).p_value == 1
        with pytest.raises(ValueError, match="known: two-sided, less, greater"):
            paired_test([1, 2], [3, 5], "smaller")

    @pytest.mark.parametrize(
        ("alternative", "p_value"), [("two-sided", 0), ("less", 0), ("greater", 1)]
    )
    def test_constant_difference(self, alternative, p_value):
        assert paired_test([1, 2, 3], [2, 3, 4], alternative).p_value == p_value

    def test_rounding_error_is_no_finding(self):
        a = rng().normal(size=20)
        test = paired_test(a * (1 + 2**-52), a)
        assert (test.estimate, test.p_value) == (0, 1)

    def test_extreme_magnitudes(self):
        for values in ([1e300, -1e300, 3e299], [1e-200, 2e-200, 0]):
            scaled = np.array(values) / np.abs(values).max()
            expected = paired_test(scaled, np.zeros(3)).p_value
            assert paired_test(values, np.zeros(3)).p_value == pytest.approx(expected)

    def test_welch(self):
        interval, p_value = welch([1.0], [2.0, 3.0])
        assert interval.estimate == -1.5
        assert np.isnan([*bounds(interval), p_value]).all()
        interval, p_value = welch([1.0, 1], [3.0, 3])
        assert (interval.estimate, *bounds(interval), p_value) == (-2, -2, -2, 0)
        assert welch([1.0, 1], [1.0, 1])[1] == 1
        with pytest.raises(ValueError, match="level"):
            welch([1, 2], [3, 4], 95)

    @pytest.mark.parametrize(("value", "p_value"), [(0.5, 0), (-1, 1), (1, 1), (2, 1)])
    def test_equivalence_of_a_constant(self, value, p_value):
        assert equivalence([value] * 4, 1)[0].p_value == p_value

    def test_equivalence_of_rounding_error(self):
        values = 5 + np.array([0, 1, 0, 2, 1, 0]) * 2.0**-50
        assert equivalence(values, 6)[0].p_value == 0

    def test_equivalence_arguments(self):
        assert np.isnan(equivalence([0.1], 1)[0].p_value)
        for margin in (0, -1, np.inf, np.nan):
            with pytest.raises(ValueError, match="margin"):
                equivalence([1, 2], margin)
        with pytest.raises(ValueError, match="level"):
            equivalence([1, 2], 1, level=0.5)

    @pytest.mark.parametrize("p_values", [[], [0.1, np.nan], [-0.1], [1.1]])
    def test_holm_arguments(self, p_values):
        with pytest.raises(ValueError, match=r"p values|no values|not finite"):
            holm(p_values)
