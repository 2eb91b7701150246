"""IB-IRM: IRM with an information bottleneck, the variance of what the predictor says.

Ahuja et al. 2021: of the invariant predictors the one of least entropy. With the weight on the
error, as in ``irm``, the bottleneck counts beside the error:

    error weight · Σ_e (R_e + γ Var_e(φᵀx)) + Σ_e (∂_w R_e(wφ))²
"""

from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "IB-IRM"
COLOR = "#4b3f8f"
MARKER = ">"
DASH = "dashdot"
REFERENCE = "Ahuja et al. 2021"
ASSUMPTION = "Of the invariant predictors, the one that varies least is the right one."
MIN_ENVIRONMENTS = 2
NEEDS = ("means",)
LOSSES = ("squared",)
PARAMS = {"error_weight": 1e-5, "bottleneck": 0.1}
LIMIT = {"error_weight": 1e-8}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    _, variances = problem.means_and_variances(parameters)
    bottleneck = problem.params["bottleneck"] * problem.total(variances)
    error = problem.total(problem.risks(parameters)) + bottleneck
    return problem.error_weight * error + problem.total(problem.along_dummy(parameters) ** 2)
