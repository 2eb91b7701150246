"""Logistic loss of labels 0 and 1, through the rows (``engine/row_losses.py``)."""

import numpy as np

LABEL = "logistic loss"
# What is reported of it on rows; the first is what is minimised.
METRICS = ("log_loss", "error_rate")
# What it is computed from: moments, or rows.
NEEDS = "rows"
# The targets that it is defined for.
TARGETS = (0, 1)


def measure(x: np.ndarray, y: np.ndarray, phi: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics (…) of φ (…, d) on rows x (n, d) with labels y (n,) in {0, 1}.

    A row is predicted as 1 where its logit φᵀx is above 0.
    """
    logits = phi @ x.T
    losses = np.logaddexp(0.0, logits) - y * logits
    wrong = (logits > 0) != (y > 0.5)
    return {"log_loss": losses.mean(axis=-1), "error_rate": wrong.mean(axis=-1)}
