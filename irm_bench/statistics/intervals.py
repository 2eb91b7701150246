"""Intervals and tests over seeds: numpy arrays in, frozen results out.

The replicate is the seed, so every array holds one value per seed. The same edge rules hold in
the whole module, and nothing warns:

- A value that is not finite raises ValueError saying how many there are: diverged runs are for the
  caller to count and show. No value at all raises ValueError.
- One value gives an estimate with NaN bounds and NaN p values. So does a sample too small for a
  distribution-free interval of the asked level.
- Zero variance gives low = high = estimate; a t test then has p = 0 where its alternative holds
  exactly and p = 1 elsewhere. Spread within rounding error of the values counts as zero.
- Shares are the exception to both: Wilson's interval needs no estimate of a variance, so it stays
  finite for one seed and has a width when all the seeds agree.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy  # its parts load where they are first used: scipy.stats takes half a second
from numpy.typing import ArrayLike

from irm_bench.statistics import elementary

Array = np.ndarray
Alternative = Literal["two-sided", "less", "greater"]

# Relative spread below which digits are rounding error.
ROUNDING = 32 * np.finfo(float).eps
CHUNK = 2**22  # bootstrap means held in memory at a time (32 MB)


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


@dataclass(frozen=True)
class Test:
    """A hypothesis test over n seeds: ``estimate`` of the tested quantity (a − b where paired)."""

    estimate: float
    p_value: float
    n: int
    alternative: str
    method: str


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's interval for the mean of values (n,).

    Raises:
        ValueError: no values, values that are not finite, or a level outside (0, 1).
    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    values = _finite(values)
    mean, low, high = (float(bound[0]) for bound in t_intervals(values[None], level))
    return Interval(mean, low, high, level, "t", values.size)


def t_intervals(matrix: ArrayLike, level: float = 0.95) -> tuple[Array, Array, Array]:
    """``t_interval`` of every row of matrix (groups, n): mean, low and high, each (groups,).

    Raises:
        ValueError: as ``t_interval``.
    """
    _check_level(level)
    matrix = _finite(matrix, ndim=2)
    n = matrix.shape[1]
    mean, deviations, exponent = _standardised(matrix)
    half = np.full_like(mean, np.nan)
    if n > 1:
        half = scipy.special.stdtrit(n - 1, (1 + level) / 2) * _standard_error(deviations)
    return _scale(mean, exponent), _scale(mean - half, exponent), _scale(mean + half, exponent)


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
    numerator, denominator = _pair(numerator, denominator)
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
    _check_level(level)
    values = _finite(values)
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
    _check_level(level)
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
    difference = _differences(a, b)
    wins = float((difference < 0).sum() + 0.5 * (difference == 0).sum())
    return wilson_interval(wins, difference.size, level)


def bca_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 2000,
    statistic: Callable[..., Any] = np.mean,
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval for ``statistic`` of values (n,).

    A statistic that takes ``axis`` is called on all resamples at once. The bounds are NaN where
    BCa is undefined (the statistic is the same whichever value is left out, as a median of ties).
    At n = 5 a nominal 95% covers the mean of normal values 84% of the time: see ``audit``.

    Raises:
        ValueError: as ``t_interval``.
    Source: Efron, "Better bootstrap confidence intervals", JASA 82 (1987).
    """
    _check_level(level)
    values = _finite(values)
    estimate = float(statistic(values))
    low = high = np.nan if values.size == 1 else estimate
    if not _is_constant(values):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy warns where BCa is undefined: NaN says so
            bounds = scipy.stats.bootstrap(
                (values,),
                statistic,
                n_resamples=n_resamples,
                confidence_level=level,
                method="BCa",
                rng=rng,
            ).confidence_interval
        low, high = float(bounds.low), float(bounds.high)
    return Interval(estimate, low, high, level, "BCa", values.size)


def bca_mean_intervals(
    matrix: ArrayLike, rng: np.random.Generator, n_resamples: int = 2000, level: float = 0.95
) -> tuple[Array, Array]:
    """``bca_interval`` for the mean of every row of matrix (groups, n): low and high (groups,).

    All groups share one set of resamples, so bounds of different groups share its Monte Carlo
    error. Bits do not depend on the number of threads, nor on the other groups.

    Raises:
        ValueError: as ``t_interval``.
    Source: as ``bca_interval``.
    """
    _check_level(level)
    matrix = _finite(matrix, ndim=2)
    n = matrix.shape[1]
    mean, deviations, exponent = _standardised(matrix)
    low, high = np.full((2, len(matrix)), np.nan)
    if n > 1:
        resamples = rng.bit_generator.state
        for start in range(0, len(matrix), step := max(1, CHUNK // n_resamples)):
            rng.bit_generator.state = resamples
            part = slice(start, start + step)
            shift = _bca_shifts(deviations[part], _weights(rng, n, n_resamples), level)
            low[part], high[part] = mean[part] + shift.T
    return _scale(low, exponent), _scale(high, exponent)


def _weights(rng: np.random.Generator, n: int, n_resamples: int) -> Iterator[Array]:
    """How often each of n values is in a resample, as many resamples at a time as may be held."""
    for start in range(0, n_resamples, step := max(1, CHUNK // n)):
        size = min(step, n_resamples - start)
        yield rng.multinomial(n, np.full(n, 1 / n), size=size).astype(float)


def _bca_shifts(deviations: Array, weights: Iterable[Array], level: float) -> Array:
    """BCa bounds (groups, 2) of the mean of centred rows (groups, n); weights (resamples, n)."""
    n = deviations.shape[1]
    # In whole multiples of a unit, chosen so that every sum is exact in double precision, no order
    # of summation (threads, groups beside this one) can change a bit.
    exponent = np.frexp(np.abs(deviations).max(axis=1))[1] - 52 + int(np.ceil(np.log2(n)))
    units = np.rint(np.ldexp(deviations, -exponent[:, None]))
    sums = np.concatenate([units @ part.T for part in weights], axis=1)
    sums -= units.sum(axis=1, keepdims=True)
    n_resamples = sums.shape[1]
    # Ties with the sample's own mean, common in counts and shares, are ties despite rounding.
    sums[np.abs(sums) <= n * (1 + np.ldexp(ROUNDING, -exponent[:, None]))] = 0
    below = ((sums < 0).sum(axis=1) + 0.5 * (sums == 0).sum(axis=1)) / n_resamples
    order = _bca_probabilities(
        deviations, below.clip(0.5 / n_resamples, 1 - 0.5 / n_resamples), level
    )
    sums.sort(axis=1)
    return np.ldexp(_sorted_quantiles(sums, order) / n, exponent[:, None])


def _bca_probabilities(deviations: Array, below: Array, level: float) -> Array:
    """Where to cut the bootstrap distribution, (groups, 2).

    ``below`` is its share below the estimate. The jackknife acceleration of a mean is a sixth of
    Σd³ / (Σd²)^{3/2}, d the deviations from the mean.
    """
    squares = (deviations**2).sum(axis=1)
    spread = squares * np.sqrt(squares)  # numpy's powers round by the processor
    cubes = deviations * deviations * deviations  # a power of three takes tens of times as long
    acceleration = cubes.sum(axis=1) / np.where(spread > 0, 6 * spread, 1)
    bias = scipy.special.ndtri(below)[:, None]
    shifted = bias + scipy.special.ndtri([(1 - level) / 2, (1 + level) / 2])
    return scipy.special.ndtr(bias + shifted / (1 - acceleration[:, None] * shifted))


def _sorted_quantiles(rows: Array, probabilities: Array) -> Array:
    """Linearly interpolated quantiles (groups, k) of sorted rows, each row at its own k places."""
    place = probabilities * (rows.shape[1] - 1)
    floor = np.minimum(place.astype(int), rows.shape[1] - 2)
    left = np.take_along_axis(rows, floor, axis=1)
    right = np.take_along_axis(rows, floor + 1, axis=1)
    return left + (place - floor) * (right - left)


def paired_test(a: ArrayLike, b: ArrayLike, alternative: Alternative = "two-sided") -> Test:
    """Paired t test of mean(a − b) = 0; a and b (n,) share their seeds.

    "less" means a < b. Differences within rounding error of their pair count as 0; if all of
    them are, p = 1.

    Raises:
        ValueError: shapes that differ, an unknown alternative, or as ``t_interval``.
    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    difference = _differences(a, b)
    p_value = _t_p_value(difference, 0.0, alternative)
    return Test(t_interval(difference).estimate, p_value, difference.size, alternative, "paired t")


def welch(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> tuple[Interval, float]:
    """Difference of the means of two independent samples, a less b, and the p value of none.

    The variances may differ. ``n`` is that of the smaller sample.

    Raises:
        ValueError: as ``t_interval``.
    Source: Welch, "The generalization of Student's problem when several different population
    variances are involved", Biometrika 34 (1947).
    """
    first, second = _finite(a), _finite(b)
    _check_level(level)
    estimate = float(first.mean() - second.mean())
    n = min(first.size, second.size)
    if n < 2:
        return Interval(estimate, math.nan, math.nan, level, "Welch t", n), math.nan
    if _is_constant(first) and _is_constant(second):
        p_value = float(estimate == 0)
        return Interval(estimate, estimate, estimate, level, "Welch t", n), p_value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a sample that hardly varies
        found = scipy.stats.ttest_ind(first, second, equal_var=False)
    low, high = found.confidence_interval(level)
    return Interval(estimate, float(low), float(high), level, "Welch t", n), float(found.pvalue)


def rank_correlation(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Spearman's rank correlation of paired values (n,), with an interval by Fisher's z.

    The variance of z is 1.06 / (n − 3). Ties share their mean rank. No interval for n < 4, or where
    the ranks of one do not vary.

    Raises:
        ValueError: as ``paired_test``.
    Source: Fieller, Hartley and Pearson, "Tests for rank correlation coefficients I", Biometrika 44
    (1957).
    """
    first, second = _pair(a, b)
    _check_level(level)
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


def signed_rank_test(a: ArrayLike, b: ArrayLike, alternative: Alternative = "two-sided") -> Test:
    """Wilcoxon's signed-rank test of a − b, paired (n,): the check that needs no normality.

    The estimate is Hodges and Lehmann's: the median of the means of all pairs of differences.
    Zero differences are dropped from the ranks (Wilcoxon's rule); if all are zero, p = 1.

    Raises:
        ValueError: as ``paired_test``.
    Source: Wilcoxon, Biometrics Bulletin 1 (1945); Hodges and Lehmann, Ann. Math. Stat. 34 (1963).
    """
    _check_alternative(alternative)
    difference = _differences(a, b)
    first, second = np.triu_indices(difference.size)
    estimate = float(np.median((difference[first] + difference[second]) / 2))
    p_value = np.nan if difference.size == 1 else 1.0
    if difference.size > 1 and difference.any():
        p_value = float(scipy.stats.wilcoxon(difference, alternative=alternative).pvalue)
    return Test(estimate, p_value, difference.size, alternative, "Wilcoxon signed-rank")


def equivalence(values: ArrayLike, margin: float, level: float = 0.95) -> tuple[Test, Interval]:
    """Two one-sided t tests (TOST) that the mean of values (n,) lies within ±margin of 0.

    Values are paired differences, or distances from a target; margin has their unit. The p value
    is the larger of the two. With α = 1 − level, p < α exactly when the 1 − 2α interval, returned
    beside the test, lies inside ±margin. Zero variance: p = 0 strictly inside the margin, else 1.

    Raises:
        ValueError: margin not positive and finite, level not in (0.5, 1), or as ``t_interval``.
    Source: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    values = _finite(values)
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
    p_values = _finite(p_values)
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
    mean, deviations, exponent = _standardised(values[None])
    gap = float(mean[0] - _scale(target, -exponent[0]))
    if not deviations.any():
        holds = {"two-sided": gap != 0, "less": gap < 0, "greater": gap > 0}[alternative]
        return 0.0 if holds else 1.0
    # As scipy.stats.ttest_1samp, which takes ten times as long.
    t = gap / float(_standard_error(deviations)[0])
    below = {"two-sided": -abs(t), "less": t, "greater": -t}[alternative]
    n_sides = 2 if alternative == "two-sided" else 1
    return float(n_sides * scipy.special.stdtr(values.size - 1, below))


def _standard_error(deviations: Array) -> Array:
    """Standard error (groups,) of the means whose deviations (groups, n) these are."""
    n = deviations.shape[1]
    return np.sqrt((deviations**2).sum(axis=1) / (n - 1) / n)


def _standardised(matrix: Array) -> tuple[Array, Array, Array]:
    """Mean (groups,) and deviations (groups, n) of each row over 2^exponent (groups,).

    The power of two keeps squares and cubes from overflow (a diverging run) and underflow,
    without touching a digit. Deviations that are all rounding error are set to zero.
    """
    exponent = np.frexp(np.abs(matrix).max(axis=1))[1]
    scaled = np.ldexp(matrix, -exponent[:, None])
    low, high = scaled.min(axis=1), scaled.max(axis=1)
    mean = scaled.mean(axis=1).clip(low, high)  # a summed constant can miss itself by a digit
    deviations = scaled - mean[:, None]
    deviations[high - low <= ROUNDING] = 0
    return mean, deviations, exponent


def _scale(values: ArrayLike, exponent: ArrayLike) -> Array:
    """values × 2^exponent; past the largest double it is inf."""
    with np.errstate(over="ignore"):
        return np.ldexp(values, exponent)


def _is_constant(values: Array) -> bool:
    return not _standardised(values[None])[1].any()


def _differences(a: ArrayLike, b: ArrayLike) -> Array:
    """Paired a − b (n,); a difference within rounding error of its pair is 0, not a finding."""
    a, b = _pair(a, b)
    with np.errstate(over="ignore"):
        difference = _finite(a - b)
    rounding = ROUNDING * np.maximum(np.abs(a), np.abs(b))
    return np.where(np.abs(difference) <= rounding, 0.0, difference)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    a, b = _finite(a), _finite(b)
    if a.shape != b.shape:
        raise ValueError(f"paired values need one seed each: got {a.size} and {b.size}")
    return a, b


def _finite(values: ArrayLike, ndim: int = 1) -> Array:
    """Values as a float array of ndim axes, none empty seeds, all finite."""
    array = np.asarray(values, dtype=float, order="C")
    if array.ndim != ndim:
        raise ValueError(f"expected {ndim} axes of values, got shape {array.shape}")
    if array.shape[-1] == 0:
        raise ValueError("no values: n = 0")
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise ValueError(f"{bad} of {array.size} values are not finite: count diverged runs apart")
    return array


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a level must be in (0, 1), got {level}")


def _check_alternative(alternative: str) -> None:
    known = ("two-sided", "less", "greater")
    if alternative not in known:
        raise ValueError(f"unknown alternative {alternative!r}; known: {', '.join(known)}")
