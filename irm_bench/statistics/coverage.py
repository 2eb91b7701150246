"""Coverage audit: how often the intervals of this project hold the truth they are drawn around.

A nominal 95% is a promise that skewness and few seeds can break. Where the truth is known in
closed form the promise is checked: draw many benchmarks, form their intervals, count.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import scipy.special

from irm_bench.statistics.bootstrap import bca_mean_intervals
from irm_bench.statistics.intervals import t_intervals, wilson_interval

Array = np.ndarray
Draw = Callable[[np.random.Generator, int], Mapping[str, Array]]

SEED_COUNTS = (5, 10, 30, 100)
# Sets of bootstrap resamples behind a cell of the table. With one set its replicates are correlated
# and the coverage at n = 5 varies 10% more than the binomial says; ten leave no excess to be seen.
BATCHES = 10


def audit_coverage(
    draw: Draw,
    truth: Mapping[str, float],
    seed_counts: Sequence[int] = SEED_COUNTS,
    n_replicates: int = 2000,
    *,
    rng_for: Callable[..., np.random.Generator],
    level: float = 0.95,
    n_resamples: int = 1000,
) -> pd.DataFrame:
    """Share of replicated benchmarks whose interval for the mean holds the true value.

    Args:
        draw: ``draw(rng, size)`` gives i.i.d. values (size,), one per seed, of each quantity.
        truth: expectation of each quantity, in its unit.
        seed_counts: numbers of seeds in a benchmark.
        n_replicates: benchmarks drawn for each number of seeds.
        rng_for: ``rng_for(*names)`` gives the independent generator of that name.
        level: nominal level of the intervals.
        n_resamples: bootstrap resamples behind a BCa interval.

    Returns:
        One row per quantity, n_seeds and interval ("t" or "BCa"): nominal, coverage with its 95%
        Wilson Monte Carlo bounds coverage_low and coverage_high, mean_width (the quantity's unit)
        and n_replicates.

    Raises:
        ValueError: quantities drawn and quantities of ``truth`` differ, an array that is not
            (size,), or values that are not finite.
    """
    rows = []
    for n_seeds in seed_counts:
        size = n_replicates * n_seeds
        draws = _checked(draw(rng_for("coverage", "draw", n_seeds), size), truth, size)
        values = draws.reshape(len(truth), n_replicates, n_seeds)
        rng = rng_for("coverage", "bootstrap", n_seeds)
        bounds = {
            "t": _t_bounds(values, level),
            "BCa": _bca_bounds(values, rng, n_resamples, level),
        }
        for (place, quantity), interval in product(enumerate(truth), bounds):
            key = {"quantity": quantity, "n_seeds": n_seeds, "interval": interval}
            low, high = bounds[interval][:, place]
            rows.append(key | {"nominal": level} | _tally(low, high, truth[quantity]))
    return pd.DataFrame(rows)


def audit_decisions(
    draw: Draw,
    truth: Mapping[str, float],
    seed_counts: Sequence[int] = SEED_COUNTS,
    n_replicates: int = 2000,
    *,
    rng_for: Callable[..., np.random.Generator],
    alpha: float = 0.05,
) -> pd.DataFrame:
    """How often tests decide where they should not: at the very bound of their rule.

    The bound of every test is the true value, so that no decision is right, and their rate is the
    test's size. ``above`` and ``below`` are the two sides of a t test at a two-sided level alpha,
    each with a promise of alpha / 2; a TOST at the upper edge of a wide margin is ``below``, at the
    lower edge ``above``. ``family``: that Holm's adjustment over all quantities decides on any of
    them, with a promise of alpha.

    Args as ``audit_coverage``, and its draws. Returns one row per test, quantity and n_seeds:
    nominal, rate with its 95% Wilson bounds rate_low and rate_high, n_replicates.
    """
    rows = []
    targets = np.array([truth[name] for name in truth])[:, None]
    for n_seeds in seed_counts:
        size = n_replicates * n_seeds
        draws = _checked(draw(rng_for("coverage", "draw", n_seeds), size), truth, size)
        values = draws.reshape(len(truth), n_replicates, n_seeds)
        error = values.std(axis=-1, ddof=1) / np.sqrt(n_seeds)
        t = (values.mean(axis=-1) - targets) / error
        limit = scipy.special.stdtrit(n_seeds - 1, 1 - alpha / 2)
        wrong = {"above": t > limit, "below": t < -limit}
        for test, decided in wrong.items():
            for quantity, of_one in zip(truth, decided, strict=True):
                key = {"test": test, "quantity": quantity, "n_seeds": n_seeds}
                rows.append(key | {"nominal": alpha / 2} | _rate(of_one))
        # Holm decides on some quantity where the smallest p value is below alpha over their number
        strictest = scipy.special.stdtrit(n_seeds - 1, 1 - alpha / 2 / len(truth))
        of_any = (np.abs(t) > strictest).any(axis=0)
        key = {"test": "family", "quantity": "all of these", "n_seeds": n_seeds}
        rows.append(key | {"nominal": alpha} | _rate(of_any))
    return pd.DataFrame(rows)


def _rate(wrong: Array) -> dict[str, float]:
    """Share of replicates that decide, with its Monte Carlo error."""
    found = wilson_interval(int(wrong.sum()), wrong.size)
    return {
        "rate": found.estimate,
        "rate_low": found.low,
        "rate_high": found.high,
        "n_replicates": wrong.size,
    }


def _t_bounds(values: Array, level: float) -> Array:
    """Bounds (2, quantities, replicates) from values (quantities, replicates, seeds)."""
    rows = values.reshape(-1, values.shape[-1])
    return np.stack(t_intervals(rows, level)[1:]).reshape(2, *values.shape[:-1])


def _bca_bounds(values: Array, rng: np.random.Generator, n_resamples: int, level: float) -> Array:
    """As ``_t_bounds``, with fresh resamples for every batch of replicates."""
    bounds = []
    for batch in np.array_split(values, min(BATCHES, values.shape[1]), axis=1):
        rows = batch.reshape(-1, values.shape[-1])
        low_high = np.stack(bca_mean_intervals(rows, rng, n_resamples, level))
        bounds.append(low_high.reshape(2, *batch.shape[:-1]))
    return np.concatenate(bounds, axis=-1)


def _tally(low: Array, high: Array, target: float) -> dict[str, float]:
    """Coverage of target by bounds (replicates,), with its Monte Carlo error."""
    covered = wilson_interval(int(((low <= target) & (target <= high)).sum()), low.size)
    return {
        "coverage": covered.estimate,
        "coverage_low": covered.low,
        "coverage_high": covered.high,
        "mean_width": float((high - low).mean()),
        "n_replicates": low.size,
    }


def _checked(draws: Mapping[str, Array], truth: Mapping[str, float], size: int) -> Array:
    """Draws as an array (quantities, size), in the order of truth."""
    if set(draws) != set(truth):
        raise ValueError(f"draw gives {sorted(draws)}, but truth is known for {sorted(truth)}")
    wrong = {name: np.shape(draws[name]) for name in truth if np.shape(draws[name]) != (size,)}
    if wrong:
        raise ValueError(f"draw must give one value per seed, ({size},); got {wrong}")
    return np.array([draws[name] for name in truth], dtype=float)
