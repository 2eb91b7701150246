"""SAND-mask: the mean gradient, masked smoothly by how far the environments agree about its sign.

Shahtalebi et al. 2021. Of E environments with gradients g_e, coordinate j is stepped along its mean
times max(0, tanh(k · (|mean_e sign g_ej| − τ) / Var_e g_ej)). The step is the gradient of nothing.
"""

import torch
from torch import Tensor

from irm_bench.engine.problem import AnySlope, Draw, Problem

LABEL = "SAND-mask"
COLOR = "#cc6677"
MARKER = "8"
DASH = "dashdot"
REFERENCE = "Shahtalebi et al. 2021"
ASSUMPTION = "Coordinates in which the environments' gradients disagree are spurious."
MIN_ENVIRONMENTS = 2
PARAMS = {"sand_agreement": 0.5, "sand_slope": 10.0}
IS_GRADIENT = False


def gradient(parameters: Tensor, slope: AnySlope, problem: Problem, draw: Draw) -> Tensor:
    """What is stepped along (d, run)."""
    gradients = 2 * slope.residual
    mean = problem.mean(gradients)
    deviations = gradients - problem.spread(mean)
    tiny = torch.finfo(gradients.dtype).tiny
    variance = problem.mean(deviations**2).clamp(min=tiny)
    agreement = problem.mean(gradients.sign()).abs()
    beyond = agreement - problem.params["sand_agreement"]
    mask = torch.tanh(problem.params["sand_slope"] * beyond / variance).clamp(min=0)
    return mask * mean
