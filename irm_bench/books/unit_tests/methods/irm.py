"""IRMv1 with two dummies, a scale and an offset of the prediction, as in the linear unit tests.

The prediction is w·(φᵀx) + c at w = 1, c = 0, where φᵀx has an intercept, the last weight. With g_e
the gradient of the risk in environment e, the derivatives along w and c are φᵀg_e and the last
entry of g_e.

    (1 − λ) · mean_e R_e + λ · Σ_e [(φᵀg_e)² + (g_e,last)²]
"""

from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "IRM, scale and offset"
COLOR = "#6699cc"
MARKER = "P"
DASH = "solid"
REFERENCE = "Aubin et al. 2021, IRMv1"
MIN_ENVIRONMENTS = 2
NEEDS = ("intercept",)
PARAMS = {"penalty_share": 0.9}


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """Gradient (d, run), with half derivatives: v = φᵀg/2 and r = g/2, each with its own gradient.

    Through rows the curvature brings the others with it, and is asked for first.
    """
    of_offset = slope.along_intercept
    of_scale = slope.gradient
    residual = slope.residual
    pull = of_scale.mul_(slope.value).addcmul_(of_offset, residual[-1])
    share = problem.params["penalty_share"]
    return (2 - 2 * share) * problem.mean(residual) + 8 * share * problem.total(pull)
