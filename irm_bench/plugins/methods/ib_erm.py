"""IB-ERM: ERM with an information bottleneck, the variance of what the predictor says.

Ahuja et al. 2021. A Gaussian's entropy grows with its variance, so that theirs is the penalty; here
it is the mean over environments of the variance of φᵀx.

    mean_e R_e + γ · mean_e Var_e(φᵀx)

As γ → 0, the predictors of least risk remain, and of those the one of least variance.
"""

from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "IB-ERM"
COLOR = "#a0527a"
MARKER = "<"
DASH = "dotted"
REFERENCE = "Ahuja et al. 2021"
ASSUMPTION = "Of the predictors of least risk, the one that varies least is the invariant one."
MIN_ENVIRONMENTS = 1
NEEDS = ("means",)
LOSSES = ("squared",)
PARAMS = {"bottleneck": 0.1}
LIMIT = {"bottleneck": 1e-9}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    _, variances = problem.means_and_variances(parameters)
    bottleneck = problem.params["bottleneck"] * problem.mean(variances)
    return problem.mean(problem.risks(parameters)) + bottleneck
