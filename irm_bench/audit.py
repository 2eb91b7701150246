"""Coverage audit: how often the intervals of this project hold the truth they are drawn around.

A nominal 95% is a promise that skewness and few seeds can break. Where the truth is known in
closed form the promise is checked: draw many benchmarks, form their intervals, count.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from irm_bench.intervals import bca_mean_intervals, t_intervals, wilson_interval

Array = np.ndarray
Draw = Callable[[np.random.Generator, int], Mapping[str, Array]]

SEED_COUNTS = (5, 10, 30, 100)
BATCHES = 10  # sets of bootstrap resamples per cell: one shared set would correlate its replicates


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
        rng = rng_for("coverage", "draw", n_seeds)
        draws = _checked(draw(rng, n_replicates * n_seeds), truth, n_replicates * n_seeds)
        for quantity, target in truth.items():
            values = draws[quantity].reshape(n_replicates, n_seeds)
            rng = rng_for("coverage", "bootstrap", quantity, n_seeds)
            bounds = {
                "t": t_intervals(values, level)[1:],
                "BCa": _bca_bounds(values, rng, n_resamples, level),
            }
            for interval, (low, high) in bounds.items():
                row = {"quantity": quantity, "n_seeds": n_seeds, "interval": interval}
                rows.append(row | {"nominal": level} | _tally(low, high, target))
    return pd.DataFrame(rows)


def _bca_bounds(
    values: Array, rng: np.random.Generator, n_resamples: int, level: float
) -> tuple[Array, Array]:
    """BCa bounds (2, replicates) with fresh resamples for every batch of replicates."""
    batches = np.array_split(values, min(BATCHES, len(values)))
    bounds = [bca_mean_intervals(batch, rng, n_resamples, level) for batch in batches]
    low, high = np.concatenate(bounds, axis=1)
    return low, high


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


def _checked(draws: Mapping[str, Array], truth: Mapping[str, float], size: int) -> dict[str, Array]:
    if set(draws) != set(truth):
        raise ValueError(f"draw gives {sorted(draws)}, but truth is known for {sorted(truth)}")
    arrays = {name: np.asarray(values, dtype=float) for name, values in draws.items()}
    wrong = {name: array.shape for name, array in arrays.items() if array.shape != (size,)}
    if wrong:
        raise ValueError(f"draw must give one value per seed, ({size},); got {wrong}")
    return arrays
