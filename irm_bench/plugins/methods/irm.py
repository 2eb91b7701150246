"""IRM (IRMv1): gradient descent on error weight · Σ risks + Σ penalties.

IRM paper, equation (IRMv1) and Appendix D, with the weight on the error, the reciprocal of the
paper's λ on the penalty.
"""

from typing import Any

from torch import Tensor

from irm_bench.engine import polynomial
from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "IRM"
COLOR = "#0072b2"
MARKER = "o"
DASH = "solid"
REFERENCE = "Arjovsky et al. 2019, IRMv1"
ASSUMPTION = "The best scale of the invariant predictor is the same in all environments."
TAKES_PENALTY = True
MIN_ENVIRONMENTS = 2
PARAMS = {"error_weight": 1e-5}
LIMIT = {"error_weight": 1e-8}
COUNTERPART = "penalty"
# With the plug-in penalty, whichever is trained on.
HESSIAN = "irm_bench.theory.objectives:hessian"


def gradient(
    parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw, penalty: Any
) -> Tensor:
    """Gradient (d, run) of the weighted risks and the penalties."""
    # A tensor of the penalty's own: the error is added to it.
    of_pairs = penalty.gradient(slope, problem, draw)
    return problem.slots.total(of_pairs.addcmul_(slope.residual, problem.residual_weight))


def quartic(problem: Problem, penalty: Any) -> Tensor | None:
    """The coefficients of that gradient, where the penalty is a fixed quartic form in φ."""
    if not hasattr(penalty, "quartic"):
        return None
    return polynomial.gradient_coefficients(problem, penalty.quartic(problem))
