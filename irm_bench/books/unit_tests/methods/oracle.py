"""The oracle of the linear unit tests: ERM trained where the spurious features tell nothing.

Their rows are shuffled in the training environments, as they are in those of the test.
"""

from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "oracle"
COLOR = "#000000"
MARKER = "x"
DASH = (0, (1, 1))
REFERENCE = "Aubin et al. 2021: ERM on shuffled data"
IS_CONTROL = True
TRAINS_IN = {"shuffled": 1.0}


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of the mean of the risks."""
    return 2 * problem.mean(slope.residual)
