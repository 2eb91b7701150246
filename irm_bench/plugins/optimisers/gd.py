"""Plain gradient descent."""

LABEL = "gradient descent"
PARAMS: dict[str, float] = {}
