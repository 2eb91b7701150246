"""What the tests of intervals, hypotheses and the bootstrap share: data of textbooks, and draws."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from irm_bench.statistics.intervals import Interval

# Student (1908), additional hours of sleep under two drugs, ten patients.
SLEEP_A = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_B = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
# Darwin's maize (Fisher, The Design of Experiments, 1935, chapter III), eighths of an inch.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])

FEW = settings(max_examples=30, deadline=None, derandomize=True)
FEWER = settings(FEW, max_examples=15)
SAMPLES = st.lists(st.integers(-1000, 1000), min_size=2, max_size=30).map(
    lambda values: np.array(values, dtype=float)
)
SHIFTS = st.integers(-(10**6), 10**6).map(lambda value: value / 8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bounds(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def assert_share(hits: np.ndarray, expected: float) -> None:
    """Share of hits is within 4 binomial standard errors (a false alarm in 16,000) of expected."""
    error = np.sqrt(expected * (1 - expected) / hits.size)
    assert abs(hits.mean() - expected) < 4 * error
