"""IRM (IRMv1): gradient descent on error weight · Σ risks + Σ penalties.

IRM paper, equation (IRMv1) and Appendix D; the notebook's ``train(use_IRM=True)``, whose error
weight is 1e-5 on the error, the reciprocal of the paper's λ on the penalty.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from torch import Tensor

from irm_bench.engine import polynomial
from irm_bench.engine.descent import Path, descend
from irm_bench.engine.problem import Draw, Draws, Problem, slope_of

LABEL = "IRM"
COLOR = "#0072b2"
MARKER = "o"
DASH = "solid"
REFERENCE = "Arjovsky et al. 2019, IRMv1"
IS_CONTROL = False
TAKES_PENALTY = True
MIN_ENVIRONMENTS = 2
PARAMS = {"error_weight": 1e-5}
COUNTERPART = "penalty"
# With the plug-in penalty, whichever is trained on.
HESSIAN = "irm_bench.theory.objectives:hessian"


def train(
    problem: Problem,
    penalty: Any,
    n_steps: int,
    record: Iterable[int],
    draws: Draws,
) -> Path:
    """Train every run of the problem with one penalty estimator."""
    if hasattr(penalty, "quartic"):
        cubic = polynomial.gradient_coefficients(problem, penalty.quartic(problem))
        problem = replace(problem, cubic=cubic)
        return descend(problem, polynomial.gradient, penalty.value, n_steps, record, draws)

    def gradient(phi: Tensor, part: Problem, draw: Draw) -> Tensor:
        slope = slope_of(phi, part)
        # A tensor of the penalty's own: the error is added to it.
        of_pairs = penalty.gradient(slope, part, draw)
        return part.slots.total(of_pairs.addcmul_(slope.residual, part.residual_weight))

    return descend(problem, gradient, penalty.value, n_steps, record, draws)
