"""Logistic loss of labels 0 and 1, log(1 + exp(a)) − y·a of the logit a, through the rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from irm_bench.theory.small import apply

if TYPE_CHECKING:  # the later stages measure without torch
    from torch import Tensor

LABEL = "logistic loss"
# What is reported of it on rows; the first is what is minimised.
METRICS = ("log_loss", "error_rate")
# What it is computed from: moments, or rows.
NEEDS = "rows"
# The targets that it is defined for.
TARGETS = (0, 1)
LOG_2 = 0.6931471805599453
# 2ʳ = 1 + c₁r + … + c₅r⁵ for |r| ≤ ½, interpolated where Chebyshev's polynomial has its roots.
POWER_OF_2 = (
    0.6931471880262273,
    0.2402210748530968,
    0.05550357114222094,
    0.009676031918255982,
    0.001339086336353527,
)


def value(prediction: "Tensor", target: "Tensor") -> "Tensor":
    """The loss of every row."""
    return prediction.new_zeros(()).logaddexp(prediction).sub_(target * prediction)


def derivatives(prediction: "Tensor", target: "Tensor") -> tuple["Tensor", "Tensor"]:
    """First and second derivative in the logit: p − y and p(1 − p), p = 1/(1 + exp(−a))."""
    share = prediction.sigmoid()
    bend = share.addcmul(share, share, value=-1)
    return share.sub_(target), bend


def kernel() -> Callable[..., Any]:
    """The same derivatives of one row in float32, for numba (``engine/compiled_rows.py``).

    With t = −|a| and s = eᵗ/(1 + eᵗ), p is s or 1 − s. t/log 2 is n + r with n whole and |r| ≤ ½,
    and eᵗ is 2ⁿ 2ʳ: 2ʳ by a polynomial, 2ⁿ by adding n to the exponent of a float. Only products,
    sums and one division, so that every processor rounds alike. t/log 2 is rounded once, which
    moves s by no more than the rounding of the prediction itself does.
    """
    one, zero = np.float32(1), np.float32(0)
    least = np.float32(-87)  # below it eᵗ has no float of full precision
    per_doubling = np.float32(1 / LOG_2)
    # A float of this size has no digits behind the point: to add it rounds to whole numbers, which
    # then stand in its last bits.
    round_off = np.float32(1.5 * 2**23)
    digits = np.int32(23)  # of a float, below its exponent
    c1, c2, c3, c4, c5 = (np.float32(value) for value in POWER_OF_2)

    def of_row(a, y):  # type: ignore[no-untyped-def]
        t = -abs(a)
        t = least if t < least else t  # this way round, what is not a number stays so
        doublings = t * per_doubling
        rounded = doublings + round_off
        r = doublings - (rounded - round_off)
        square = r * r
        # In pairs rather than one after the other: none has to wait for the one before.
        power = (one + c1 * r) + square * ((c2 + c3 * r) + square * (c4 + c5 * r))
        n = np.float32(rounded).view(np.int32) << digits
        share = np.int32(np.float32(power).view(np.int32) + n).view(np.float32)
        share = share / (one + share)
        first = (one - y) - share if a > zero else share - y
        return first, share * (one - share)

    return of_row


def measure(x: np.ndarray, y: np.ndarray, phi: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics (…) of φ (…, d) on rows x (n, d) with labels y (n,) in {0, 1}.

    A row is predicted as 1 where its logit φᵀx is above 0.
    """
    logits = apply(x, phi)
    losses = np.logaddexp(0.0, logits) - y * logits
    wrong = (logits > 0) != (y > 0.5)
    return {"log_loss": losses.mean(axis=-1), "error_rate": wrong.mean(axis=-1)}
