"""ERM as the linear unit tests have it: the mean of the risks, beside which weight decay counts."""

from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "ERM"
COLOR = "#d55e00"
MARKER = "D"
DASH = "dotted"
REFERENCE = "Vapnik 1991; Aubin et al. 2021"


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run) of the mean of the risks."""
    return 2 * problem.mean(slope.residual)
