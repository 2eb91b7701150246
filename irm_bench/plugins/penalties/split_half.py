"""Split-half estimator: the product of the gradients of two random halves of the batch.

Appendix D of the IRM paper. With s the ±1 vector of a fresh
balanced split and D = (1/n) Σ s_i m_i, the halves' mean gradients are 2uᵀ(m̄ ± D), so the estimate
is 4[(uᵀm̄)² − (uᵀD)²]. Unbiased over independent rows, and often negative.
"""

from collections.abc import Callable

from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem, Slope

LABEL = "split-half"
COLOR = "#7b3fb5"
MARKER = "s"
DASH = "dashed"
REFERENCE = "IRM paper, Appendix D"
STORY = "the product of the gradients of two random halves of the batch"
NEEDS = ("splits",)
# The estimator that is the mean of this one over its own randomness.
MEAN = "u_statistic"


def value(slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """ḡ₁·ḡ₂ with the step's split, per pair."""
    return 4 * (slope.value**2 - Slope(slope.phi, draw()).value ** 2)


def gradient(slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient in φ, per pair (d, pair)."""
    half = Slope(slope.phi, draw())
    whole = slope.gradient * (8 * slope.value)
    return whole.addcmul_(half.gradient, half.value, value=-8)


def kernel() -> Callable[[float], float]:
    """What the gradient of the value counts for, of that value, for numba."""

    def of_value(value):  # type: ignore[no-untyped-def]
        return 8 * value

    return of_value


def draw_kernel() -> Callable[[float], float]:
    """The same of the value that the step's draw gives."""

    def of_drawn_value(value):  # type: ignore[no-untyped-def]
        return -8 * value

    return of_drawn_value
