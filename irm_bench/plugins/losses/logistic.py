"""Logistic loss of labels 0 and 1, log(1 + exp(a)) − y·a of the logit a, through the rows."""

from typing import TYPE_CHECKING

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


def value(prediction: "Tensor", target: "Tensor") -> "Tensor":
    """The loss of every row."""
    return prediction.new_zeros(()).logaddexp(prediction).sub_(target * prediction)


def derivatives(prediction: "Tensor", target: "Tensor") -> tuple["Tensor", "Tensor"]:
    """First and second derivative in the logit: p − y and p(1 − p), p = 1/(1 + exp(−a))."""
    share = prediction.sigmoid()
    bend = share.addcmul(share, share, value=-1)
    return share.sub_(target), bend


def measure(x: np.ndarray, y: np.ndarray, phi: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics (…) of φ (…, d) on rows x (n, d) with labels y (n,) in {0, 1}.

    A row is predicted as 1 where its logit φᵀx is above 0.
    """
    logits = apply(x, phi)
    losses = np.logaddexp(0.0, logits) - y * logits
    wrong = (logits > 0) != (y > 0.5)
    return {"log_loss": losses.mean(axis=-1), "error_rate": wrong.mean(axis=-1)}
