"""Plug-in estimator of the IRMv1 penalty: the squared full-batch gradient along w.

The code of the paper's repository. Biased upward by the variance of the mean gradient, 4 uᵀCu / n.
"""

from collections.abc import Callable

from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "plug-in"
COLOR = "#0072b2"
MARKER = "o"
DASH = "solid"
REFERENCE = "IRM paper's repository"
STORY = "the squared full-batch gradient along w"
NEEDS: tuple[str, ...] = ()
# The estimator that is the mean of this one over its own randomness.
MEAN = "plug_in"


def value(slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """‖∂_w R‖² = 4 (φᵀ(Gφ − b))², per pair."""
    return 4 * slope.value**2


def gradient(slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient in φ, per pair (d, pair)."""
    return slope.gradient * (8 * slope.value)


def kernel() -> Callable[[float], float]:
    """What the gradient of the value counts for, of that value, for numba."""

    def of_value(value):  # type: ignore[no-untyped-def]
        return 8 * value

    return of_value
