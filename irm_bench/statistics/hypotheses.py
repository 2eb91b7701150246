"""Tests over seeds: numpy arrays in, frozen results out; edge rules as in ``samples.py``."""

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy  # its parts load where they are first used: scipy.stats takes half a second
from numpy.typing import ArrayLike

from irm_bench.statistics.intervals import Interval, t_interval
from irm_bench.statistics.samples import (
    Array,
    check_level,
    differences,
    finite,
    is_constant,
    scale,
    standard_error,
    standardised,
)

Alternative = Literal["two-sided", "less", "greater"]


@dataclass(frozen=True)
class Test:
    """A hypothesis test over n seeds: ``estimate`` of the tested quantity (a − b where paired)."""

    estimate: float
    p_value: float
    n: int
    alternative: str
    method: str


def paired_test(a: ArrayLike, b: ArrayLike, alternative: Alternative = "two-sided") -> Test:
    """Paired t test of mean(a − b) = 0; a and b (n,) share their seeds.

    "less" means a < b. Differences within rounding error of their pair count as 0; if all of
    them are, p = 1.

    Raises:
        ValueError: shapes that differ, an unknown alternative, or as ``intervals.t_interval``.
    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    difference = differences(a, b)
    p_value = _t_p_value(difference, 0.0, alternative)
    return Test(t_interval(difference).estimate, p_value, difference.size, alternative, "paired t")


def welch(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> tuple[Interval, float]:
    """Difference of the means of two independent samples, a less b, and the p value of none.

    The variances may differ. ``n`` is that of the smaller sample.

    Raises:
        ValueError: as ``intervals.t_interval``.
    Source: Welch, "The generalization of Student's problem when several different population
    variances are involved", Biometrika 34 (1947).
    """
    first, second = finite(a), finite(b)
    check_level(level)
    estimate = float(first.mean() - second.mean())
    n = min(first.size, second.size)
    if n < 2:
        return Interval(estimate, math.nan, math.nan, level, "Welch t", n), math.nan
    if is_constant(first) and is_constant(second):
        p_value = float(estimate == 0)
        return Interval(estimate, estimate, estimate, level, "Welch t", n), p_value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a sample that hardly varies
        found = scipy.stats.ttest_ind(first, second, equal_var=False)
    low, high = found.confidence_interval(level)
    return Interval(estimate, float(low), float(high), level, "Welch t", n), float(found.pvalue)


def equivalence(values: ArrayLike, margin: float, level: float = 0.95) -> tuple[Test, Interval]:
    """Two one-sided t tests (TOST) that the mean of values (n,) lies within ±margin of 0.

    Values are paired differences, or distances from a target; margin has their unit. The p value
    is the larger of the two. With α = 1 − level, p < α exactly when the 1 − 2α interval, returned
    beside the test, lies inside ±margin. Zero variance: p = 0 strictly inside the margin, else 1.

    Raises:
        ValueError: margin not positive and finite, level not in (0.5, 1), or as
            ``intervals.t_interval``.
    Source: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    values = finite(values)
    if not 0 < margin < np.inf:
        raise ValueError(f"the margin of an equivalence test must be positive, got {margin}")
    if not 0.5 < level < 1:
        raise ValueError(f"the level of an equivalence test must be in (0.5, 1), got {level}")
    sides = _t_p_value(values, -margin, "greater"), _t_p_value(values, margin, "less")
    interval = t_interval(values, round(2 * level - 1, 12))  # 0.9, not 0.8999999999999999
    p_value = float(np.max(sides))
    return Test(interval.estimate, p_value, values.size, f"|mean| < {margin:g}", "TOST"), interval


def holm(p_values: ArrayLike) -> Array:
    """P values (k,) of one family, adjusted by Holm's step-down method; order is kept.

    Raises:
        ValueError: no p values, or one that is NaN or outside [0, 1].
    Source: Holm, "A simple sequentially rejective …", Scandinavian J. Statistics 6 (1979).
    """
    p_values = finite(p_values)
    if ((p_values < 0) | (p_values > 1)).any():
        raise ValueError("p values must lie in [0, 1]")
    # As statsmodels' multipletests, which collects all garbage on every call.
    order = np.argsort(p_values, kind="stable")
    rising = np.arange(p_values.size, 0, -1) * p_values[order]
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(rising).clip(max=1.0)
    return adjusted


def _t_p_value(values: Array, target: float, alternative: Alternative) -> float:
    """One-sample t test of mean(values) = target."""
    _check_alternative(alternative)
    if values.size == 1:
        return np.nan
    mean, deviations, exponent = standardised(values[None])
    gap = float(mean[0] - scale(target, -exponent[0]))
    if not deviations.any():
        holds = {"two-sided": gap != 0, "less": gap < 0, "greater": gap > 0}[alternative]
        return 0.0 if holds else 1.0
    # As scipy.stats.ttest_1samp, which takes ten times as long.
    t = gap / float(standard_error(deviations)[0])
    below = {"two-sided": -abs(t), "less": t, "greater": -t}[alternative]
    n_sides = 2 if alternative == "two-sided" else 1
    return float(n_sides * scipy.special.stdtr(values.size - 1, below))


def _check_alternative(alternative: str) -> None:
    known = ("two-sided", "less", "greater")
    if alternative not in known:
        raise ValueError(f"unknown alternative {alternative!r}; known: {', '.join(known)}")
