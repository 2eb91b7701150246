"""AND-mask: the mean gradient, where the environments agree about its sign.

In every environment the gradient of the weights is divided by its length; that of the intercept,
which is the last weight, is not. Of E environments, a coordinate is stepped along the mean if
|Σ_e sign| > τE, which for τ ≥ 0.8 and E ≤ 10 is if all agree. The step is the gradient of nothing;
with decay γ and plain gradient descent of rate η it is

    φ ← φ − η · mask · mean_e g_e − η γ φ
"""

import torch
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem
from irm_bench.engine.sums import add_up

LABEL = "AND-mask"
COLOR = "#aa3377"
MARKER = "s"
DASH = "dashed"
REFERENCE = "Parascandolo et al. 2020; Aubin et al. 2021"
ASSUMPTION = "Coordinates in which the environments' gradients disagree in sign are spurious."
MIN_ENVIRONMENTS = 2
NEEDS = ("intercept",)
# ``agreement`` is τ, and ``decay`` is γ: the optimiser's own weight decay is left at 0.
PARAMS = {"agreement": 0.9, "decay": 0.0}
IS_GRADIENT = False


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """What is stepped along (d, run)."""
    gradients = 2 * slope.residual
    weights, intercept = gradients[:-1], gradients[-1:]
    # the least positive number, in place of a length of 0
    length = add_up(weights**2).sqrt().clamp(min=torch.finfo(weights.dtype).tiny)
    directions = torch.cat([weights / length, intercept])
    agreement = problem.total(directions.sign()).abs()
    mask = agreement > problem.params["agreement"] * problem.n_environments
    return mask * problem.mean(directions) + problem.params["decay"] * parameters
