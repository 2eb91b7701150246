"""Squared loss: the risk is a function of second moments, and no row is needed after them."""

LABEL = "squared loss"
# What is reported of it on rows; the first is what is minimised.
METRICS = ("mse",)
# What it is computed from: moments, or rows.
NEEDS = "moments"
