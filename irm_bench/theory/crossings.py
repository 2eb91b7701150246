"""Where two risk curves cross."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from irm_bench.theory.moments import Array


def crossing_sigmas(
    risk_a: Callable[[float], float], risk_b: Callable[[float], float], grid: Iterable[float]
) -> Array:
    """Every σ at which two risk curves cross, increasing: (n,).

    ``grid`` is increasing; a crossing is found where the difference changes sign between
    neighbours: two crossings closer than that are missed, and curves that only touch do not cross.

    Raises:
        ValueError: if a risk on the grid is not finite.
    """

    def difference(sigma: float) -> float:
        return float(risk_a(sigma) - risk_b(sigma))

    signs = [(sigma, np.sign(difference(sigma))) for sigma in grid]
    if not all(np.isfinite(sign) for _, sign in signs):
        raise ValueError("a risk curve is not finite on the grid")
    signs = [(sigma, sign) for sigma, sign in signs if sign]
    brackets = [(a, b) for (a, left), (b, right) in pairwise(signs) if left != right]
    return np.array([_sign_change(difference, a, b) for a, b in brackets])


def _sign_change(curve: Callable[[float], float], low: float, high: float) -> float:
    """By bisection, to the last bit: loading scipy's root finders would take longer."""
    is_positive = curve(low) > 0
    while low < (middle := (low + high) / 2) < high:
        if (curve(middle) > 0) == is_positive:
            low = middle
        else:
            high = middle
    return high
