"""Values over seeds: checked, paired, and brought to a scale on which squares do not overflow.

The replicate is the seed, so every array holds one value per seed. The same edge rules hold for all
intervals and tests, and nothing warns:

- A value that is not finite raises ValueError saying how many there are: diverged runs are for the
  caller to count and show. No value at all raises ValueError.
- One value gives an estimate with NaN bounds and NaN p values. So does a sample too small for a
  distribution-free interval of the asked level.
- Zero variance gives low = high = estimate; a t test then has p = 0 where its alternative holds
  exactly and p = 1 elsewhere. Spread within rounding error of the values counts as zero.
- Shares are the exception to both: Wilson's interval needs no estimate of a variance, so it stays
  finite for one seed and has a width when all the seeds agree.
"""

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray

# Relative spread below which digits are rounding error.
ROUNDING = 32 * np.finfo(float).eps


def finite(values: ArrayLike, ndim: int = 1) -> Array:
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


def pair(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    a, b = finite(a), finite(b)
    if a.shape != b.shape:
        raise ValueError(f"paired values need one seed each: got {a.size} and {b.size}")
    return a, b


def differences(a: ArrayLike, b: ArrayLike) -> Array:
    """Paired a − b (n,); a difference within rounding error of its pair is 0, not a finding."""
    a, b = pair(a, b)
    with np.errstate(over="ignore"):
        difference = finite(a - b)
    rounding = ROUNDING * np.maximum(np.abs(a), np.abs(b))
    return np.where(np.abs(difference) <= rounding, 0.0, difference)


def standardised(matrix: Array) -> tuple[Array, Array, Array]:
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


def standard_error(deviations: Array) -> Array:
    """Standard error (groups,) of the means whose deviations (groups, n) these are."""
    n = deviations.shape[1]
    return np.sqrt((deviations**2).sum(axis=1) / (n - 1) / n)


def scale(values: ArrayLike, exponent: ArrayLike) -> Array:
    """values × 2^exponent; past the largest double it is inf."""
    with np.errstate(over="ignore"):
        return np.ldexp(values, exponent)


def is_constant(values: Array) -> bool:
    return not standardised(values[None])[1].any()


def check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a level must be in (0, 1), got {level}")
