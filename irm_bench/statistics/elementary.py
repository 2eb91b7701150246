"""Logarithms, exponentials and powers value by value, by the C library: the same bits everywhere.

numpy's own have a faster form for some processors, which rounds otherwise.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def log(values: Any) -> np.ndarray:
    """Natural logarithms, −inf of 0 and NaN of what is less; an array of any shape."""
    return _each(_log, values)


def exp(values: Any) -> np.ndarray:
    """Exponentials, inf where they are too large; an array of any shape."""
    return _each(_exp, values)


def geometric(first: float, last: float, n: int) -> np.ndarray:
    """n values from ``first`` to ``last``, both above 0, in equal ratios."""
    exponents = np.linspace(math.log10(first), math.log10(last), n).tolist()
    values = np.array([10.0**exponent for exponent in exponents])
    values[:1], values[-1:] = first, last
    return values


def _each(function: Callable[[float], float], values: Any) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    return np.array([function(value) for value in values.ravel().tolist()]).reshape(values.shape)


def _log(value: float) -> float:
    if value > 0:
        return math.log(value)
    return -math.inf if value == 0 else math.nan


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
