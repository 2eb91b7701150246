"""IGA (inter-environmental gradient alignment): the gradients of the risks are to agree.

Koyama and Yamaguchi 2020, with the trace of the variance of the gradients as the sum over
environments that the linear unit tests (Aubin et al. 2021) write it as.

    mean_e R_e + λ · Σ_e ‖∇R_e − mean ∇R‖²
"""

from torch import Tensor

from irm_bench.engine.problem import Problem
from irm_bench.engine.sums import add_up

LABEL = "IGA"
COLOR = "#999933"
MARKER = "X"
DASH = "dashdot"
REFERENCE = "Koyama and Yamaguchi 2020; Aubin et al. 2021"
MIN_ENVIRONMENTS = 2
PARAMS = {"gradient_weight": 1000.0}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    gradients = 2 * problem.slope(parameters).residual
    deviations = gradients - problem.spread(problem.mean(gradients))
    variance = problem.total(add_up(deviations**2))
    mean_risk = problem.mean(problem.risks(parameters))
    return mean_risk + problem.params["gradient_weight"] * variance
