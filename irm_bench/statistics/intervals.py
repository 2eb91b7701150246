"""Intervals over seeds: numpy arrays in, frozen results out; edge rules as in ``samples.py``."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # its parts load where they are first used: scipy.stats takes half a second
from numpy.typing import ArrayLike

from irm_bench.statistics import elementary
from irm_bench.statistics.samples import (
    ROUNDING,
    Array,
    check_level,
    differences,
    finite,
    pair,
    scale,
    standard_error,
    standardised,
)


@dataclass(frozen=True)
class Interval:
    """An estimate from n seeds between two bounds, in the units of the values.

    ``level`` is nominal; ``method`` says what kind of interval this is ("t", "BCa", "log-t",
    "Welch t", "prediction-t", "order-statistic" or "Wilson").
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str
    n: int


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's interval for the mean of values (n,).

    Raises:
        ValueError: no values, values that are not finite, or a level outside (0, 1).
    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    values = finite(values)
    mean, low, high = (float(bound[0]) for bound in t_intervals(values[None], level))
    return Interval(mean, low, high, level, "t", values.size)


def t_intervals(matrix: ArrayLike, level: float = 0.95) -> tuple[Array, Array, Array]:
    """``t_interval`` of every row of matrix (groups, n): mean, low and high, each (groups,).

    Raises:
        ValueError: as ``t_interval``.
    """
    check_level(level)
    matrix = finite(matrix, ndim=2)
    n = matrix.shape[1]
    mean, deviations, exponent = standardised(matrix)
    half = np.full_like(mean, np.nan)
    if n > 1:
        half = scipy.special.stdtrit(n - 1, (1 + level) / 2) * standard_error(deviations)
    return scale(mean, exponent), scale(mean - half, exponent), scale(mean + half, exponent)


def prediction_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Interval for one further run beside values (n,): mean ± t s √(1 + 1/n), for normal values.

    Raises:
        ValueError: as ``t_interval``.
    Source: Meeker, Hahn and Escobar, *Statistical Intervals* (2nd ed., 2017), chapter 4.
    """
    mean = t_interval(values, level)
    half = (mean.high - mean.estimate) * np.sqrt(mean.n + 1)  # t s/√n · √(n + 1)
    low, high = float(mean.estimate - half), float(mean.estimate + half)
    return Interval(mean.estimate, low, high, level, "prediction-t", mean.n)


def ratio_interval(numerator: ArrayLike, denominator: ArrayLike, level: float = 0.95) -> Interval:
    """Interval for the geometric mean of the paired ratios numerator / denominator, each (n,).

    Student's interval of the log ratios, taken back by exp; without unit.

    Raises:
        ValueError: a value that is not positive, shapes that differ, or as ``t_interval``.
    Source: Bland and Altman, "The use of transformation when comparing two means", BMJ 312 (1996).
    """
    numerator, denominator = pair(numerator, denominator)
    for name, values in (("numerator", numerator), ("denominator", denominator)):
        if (values <= 0).any():
            count = int((values <= 0).sum())
            raise ValueError(f"{name}: {count} of {values.size} values are not positive")
    log = t_interval(elementary.log(numerator) - elementary.log(denominator), level)
    estimate, low, high = elementary.exp([log.estimate, log.low, log.high]).tolist()
    return Interval(estimate, low, high, level, "log-t", log.n)


def median_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Order-statistic interval for the median of values (n,): at least ``level``, any distribution.

    The bounds are NaN where even (minimum, maximum) covers less: below n = 6 at 95%.

    Raises:
        ValueError: as ``t_interval``.
    Source: David and Nagaraja, *Order Statistics* (3rd ed., 2003), section 7.1.
    """
    check_level(level)
    values = finite(values)
    bounds: Any = scipy.stats.quantile_test(values, q=0, p=0.5).confidence_interval(level)
    low, high = float(bounds.low), float(bounds.high)
    if np.isnan(low) or np.isnan(high):
        low = high = np.nan
    return Interval(float(np.median(values)), low, high, level, "order-statistic", values.size)


def wilson_interval(successes: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's interval for a share of n; ``successes`` may be a half count (ties).

    Raises:
        ValueError: n < 1, successes outside [0, n], or a level outside (0, 1).
    Source: Wilson, "Probable inference …", JASA 22 (1927); Brown, Cai and DasGupta (2001).
    """
    check_level(level)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: need n ≥ 1 and 0 ≤ successes ≤ n")
    # As statsmodels' proportion_confint, which takes half a second to load.
    z = float(scipy.special.ndtri((1 + level) / 2))
    share, weight = successes / n, n + z**2
    centre = (successes + z**2 / 2) / weight
    half = z * math.sqrt(successes * (1 - share) + z**2 / 4) / weight
    # Rounding may push a bound past 0, 1 or a share that is one of them.
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    return Interval(share, min(low, share), max(high, share), level, "Wilson", n)


def probability_better(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Share of seeds where a < b, paired (n,), with Wilson's interval; a tie counts one half.

    Values that differ by rounding error are ties. With ties the interval is conservative.

    Raises:
        ValueError: shapes that differ, or as ``t_interval``.
    """
    difference = differences(a, b)
    wins = float((difference < 0).sum() + 0.5 * (difference == 0).sum())
    return wilson_interval(wins, difference.size, level)


def rank_correlation(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Spearman's rank correlation of paired values (n,), with an interval by Fisher's z.

    The variance of z is 1.06 / (n − 3). Ties share their mean rank. No interval for n < 4, or where
    the ranks of one do not vary.

    Raises:
        ValueError: shapes that differ, or as ``t_interval``.
    Source: Fieller, Hartley and Pearson, "Tests for rank correlation coefficients I", Biometrika 44
    (1957).
    """
    first, second = pair(a, b)
    check_level(level)
    ranks = [scipy.stats.rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]
    scale = math.sqrt(float((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    n = len(first)
    if n < 4 or not scale:
        return Interval(math.nan, math.nan, math.nan, level, "Fisher z of ranks", n)
    estimate = float((ranks[0] * ranks[1]).sum()) / scale
    z = math.atanh(min(max(estimate, -1 + ROUNDING), 1 - ROUNDING))
    off = float(scipy.special.ndtri((1 + level) / 2)) * math.sqrt(1.06 / (n - 3))
    low, high = math.tanh(z - off), math.tanh(z + off)
    return Interval(estimate, low, high, level, "Fisher z of ranks", n)
