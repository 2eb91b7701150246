"""Causal Dantzig: the causes are where the environments' differences of moments cancel.

Rothenhäusler, Bühlmann and Meinshausen 2019: of two environments, (G₁ − G₂) φ = b₁ − b₂, which
holds for the causal φ if interventions add to the features and leave the target's noise alone,
hidden causes or not. Of more environments it is least squares over their deviations from the mean.
"""

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.problem import Problem
from irm_bench.engine.sums import add_up
from irm_bench.theory import small

LABEL = "causal Dantzig"
COLOR = "#b0413e"
MARKER = "d"
DASH = "dotted"
REFERENCE = "Rothenhäusler, Bühlmann and Meinshausen 2019"
ASSUMPTION = "Environments shift the features by adding to them; the target's noise never changes."
LOSSES = ("squared",)
MIN_ENVIRONMENTS = 2
FAILS = "the environments' second moments differ in too few directions to identify a predictor"
# Singular values below this share of the largest count as none.
RANK = 1e-10


def fit(problem: Problem) -> Tensor:
    """φ (d, run) in closed form; NaN where the differences are singular."""
    gram = _deviations(problem.moments.gram, problem)
    cross = _deviations(problem.moments.cross, problem)
    normal = problem.total(add_up(gram[:, :, None] * gram[:, None, :])).permute(2, 0, 1)
    right = problem.total(add_up(gram * cross[:, None])).T
    scale = problem.total(add_up(add_up(problem.moments.gram**2)))
    # eigenvalues of the normal matrix are squares of singular values
    squares, _ = small.eigen(normal.cpu().numpy())
    is_singular = squares.min(axis=1) <= RANK**1.5 * scale.cpu().numpy()
    phi = small.solve(normal.cpu().numpy(), right.cpu().numpy()).T
    return torch.from_numpy(np.where(is_singular, np.nan, phi)).to(problem.start)


def _deviations(per_pair: Tensor, problem: Problem) -> Tensor:
    """Values (…, pair) less their mean over a run's environments."""
    return per_pair - problem.spread(problem.mean(per_pair))
