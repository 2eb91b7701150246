"""Ridge regression: pooled least squares, and λ times the squared length of φ.

A method of one's own in a dozen lines. Beside all others on the map of the book `field`:

    make report BOOK=field PLUGINS=examples/my_method
"""

LABEL = "ridge regression"
REFERENCE = "Hoerl and Kennard 1970"
ASSUMPTION = "The environments to come are like those seen, and weights are small."
PARAMS = {"ridge": 0.1}


def value(parameters, problem):
    """What is minimised, of φ (d, run): (run,)."""
    return problem.mean(problem.risks(parameters)) + problem.params["ridge"] * (parameters**2).sum(
        0
    )
