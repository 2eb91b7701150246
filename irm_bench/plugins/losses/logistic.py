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

    With t = −|a| and s = eᵗ/(1 + eᵗ), p is s or 1 − s. eᵗ is 2ⁿ eʳ with |r| ≤ ½ log 2: eʳ by its
    Taylor polynomial of degree 7, and 2ⁿ by writing n into the exponent of a float. Only products,
    sums and one division, so that every processor rounds alike.
    """
    one, half, zero = np.float32(1), np.float32(0.5), np.float32(0)
    least = np.float32(-87)  # below it eᵗ has no float of full precision
    per_doubling = np.float32(1 / LOG_2)
    # log 2 in two parts, the first of few digits: its product with n is exact
    large = np.float32(0.693359375)
    small = np.float32(LOG_2 - 0.693359375)
    c7, c6, c5, c4, c3 = (np.float32(1 / np.prod(np.arange(1.0, k + 1))) for k in (7, 6, 5, 4, 3))

    def of_row(a, y):  # type: ignore[no-untyped-def]
        t = -abs(a)
        t = t if t > least else least
        n = np.floor(t * per_doubling + half)
        r = (t - n * large) - n * small
        power = (((((c7 * r + c6) * r + c5) * r + c4) * r + c3) * r + half) * r * r + r + one
        exponent = (np.int32(n) + np.int32(127)) << np.int32(23)
        share = power * np.int32(exponent).view(np.float32)
        share = share / (one + share)
        share = share if a == a else a  # a prediction that is not a number stays so
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
