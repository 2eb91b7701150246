"""How many repetitions a comparison needs."""

from bisect import bisect_left

import numpy as np
import scipy  # its parts load where they are first used

POWER, SIZE = 0.8, 0.05
# Beyond so many the normal law's number is as good.
LARGEST_EXACT = 1000


def repetitions(differences: np.ndarray) -> float:
    """The least number of paired differences at which a t test at 5% has a power of 80%.

    Mean and spread are those of ``differences`` (n,). At least 2, at most a million.
    """
    spread = differences.std(ddof=1)
    return needed(abs(differences.mean()) / spread if spread > 0 else np.inf)


def needed(effect: float) -> float:
    """The same for a mean of ``effect`` standard deviations."""
    if effect > 10:
        return 2.0
    # the power grows with n; the normal law's number, (2.8 / effect)², is not far, and far beyond
    # it scipy's noncentral t law has no number
    effect = max(effect, 1e-9)
    first, last = max(2, int((2.0 / effect) ** 2)), int((3.2 / effect) ** 2) + 6
    candidates = range(first, min(last, LARGEST_EXACT) + 1)
    place = bisect_left(candidates, True, key=lambda n: _is_enough(effect, n))
    if place < len(candidates):
        return float(candidates[place])
    return float(min(np.ceil((2.8 / effect) ** 2), 1e6))


def _is_enough(effect: float, n: int) -> bool:
    return effect * np.sqrt(n) > 10 or _power(effect, n) >= POWER


def _power(effect: float, n: int) -> float:
    """Of a two-sided t test of n differences whose mean is ``effect`` standard deviations."""
    limit = scipy.stats.t.ppf(1 - SIZE / 2, n - 1)
    beyond = scipy.stats.nct.sf(limit, n - 1, effect * np.sqrt(n))
    return float(beyond + scipy.stats.nct.cdf(-limit, n - 1, effect * np.sqrt(n)))
