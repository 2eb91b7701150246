"""Anchor regression with the environments as anchors.

Rothenhäusler et al. 2021, equation 5: residuals' means, which the anchors explain, count γ-fold
beside what is left of them. Means are taken from the mean over all environments.
"""

import torch
from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "anchor regression"
COLOR = "#b8860b"
MARKER = "^"
DASH = "dashed"
REFERENCE = "Rothenhäusler et al. 2021, equation 5"
ASSUMPTION = "Environments shift means, and shift them by adding to the variables."
NEEDS = ("means",)
LOSSES = ("squared",)
MIN_ENVIRONMENTS = 2
PARAMS = {"anchor_weight": 10.0}
LIMIT = {"anchor_weight": 1e9}


def fit(problem: Problem) -> Tensor:
    """φ (d, run) in closed form; NaN where a feature is constant within and between."""
    centre = problem.mean(problem.means)
    shifts = problem.means - problem.spread(centre)
    of_x, of_y = shifts[:-1], shifts[-1]
    extra = problem.spread(problem.params["anchor_weight"] - 1)
    middle, of_target = problem.spread(centre[:-1]), problem.spread(centre[-1])
    gram = problem.moments.gram - middle[:, None] * middle[None, :]
    cross = problem.moments.cross - middle * of_target
    grams = problem.total(gram + extra * of_x[:, None] * of_x[None, :]).permute(2, 0, 1)
    crosses = problem.total(cross + extra * of_x * of_y).T
    phi, info = torch.linalg.solve_ex(grams, crosses)
    return torch.where(info[:, None] > 0, torch.nan, phi).T.contiguous()
