"""Squared loss: the risk is a function of second moments, and no row is needed after them."""

LABEL = "squared"
METRICS = ("mse",)
NEEDS = "moments"
