"""IRMX: IRM and V-REx together.

Chen et al. 2023 (PAIR) add the variance of the risks to IRM's penalty, which removes the spurious
invariant predictors of two-bit environments. With the weight on the error, as in ``irm``:

    error weight · Σ_e R_e + Σ_e (∂_w R_e(wφ))² + mean_e (R_e − mean R)²
"""

from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "IRMX"
COLOR = "#3f7d20"
MARKER = "v"
DASH = "solid"
REFERENCE = "Chen et al. 2023"
ASSUMPTION = "The scale of the best predictor and its risk are the same in all environments."
MIN_ENVIRONMENTS = 2
PARAMS = {"error_weight": 1e-5}
LIMIT = {"error_weight": 1e-8}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    risks = problem.risks(parameters)
    deviations = risks - problem.spread(problem.mean(risks))
    penalty = problem.total(problem.along_dummy(parameters) ** 2) + problem.mean(deviations**2)
    return problem.error_weight * problem.total(risks) + penalty
