"""ERM as the paper's repository has it: pooled least squares without intercept, not stepped.

Where the pooled Gram matrix is singular it is the solution of least norm, and ``rank`` tells.
"""

import torch

from irm_bench import theory
from irm_bench.engine.problem import Problem
from irm_bench.engine.training import Fitted
from irm_bench.theory.moments import Moments

LABEL = "ERM"
COLOR = "#d55e00"
MARKER = "D"
DASH = "dotted"
REFERENCE = "least squares on the rows of all environments"
COUNTERPART = "erm"
LOSSES = ("squared",)
EXTRAS = {
    "rank": "rank of the pooled Gram matrix: below the number of features, φ is of least norm"
}


def fit(problem: Problem) -> Fitted:
    """φ (d, run), and the rank of what was solved."""
    gram = problem.mean(problem.moments.gram).permute(2, 0, 1).cpu().numpy()
    cross = problem.mean(problem.moments.cross).T.cpu().numpy()
    phi = theory.least_squares(Moments(gram, cross, None))
    rank = theory.rank(gram).astype(float)
    here = problem.start.device
    return Fitted(
        torch.from_numpy(phi.T.copy()).to(here), {"rank": torch.from_numpy(rank).to(here)}
    )
