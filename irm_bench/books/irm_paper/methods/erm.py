"""ERM as the paper's repository has it: pooled least squares without intercept, not stepped.

Where the pooled Gram matrix is singular it is the solution of least norm, and ``rank`` tells.
"""

import torch

from irm_bench.engine.problem import Problem
from irm_bench.engine.training import Fitted

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
    gram = problem.mean(problem.moments.gram).permute(2, 0, 1)
    cross = problem.mean(problem.moments.cross).T
    solution, _ = torch.linalg.solve_ex(gram, cross[..., None])
    rank = torch.linalg.matrix_rank(gram, hermitian=True)
    singular = rank < gram.shape[-1]
    if singular.any():
        inverse = torch.linalg.pinv(gram[singular], hermitian=True)
        solution[singular] = inverse @ cross[singular][..., None]
    return Fitted(solution[..., 0].T.contiguous(), {"rank": rank.to(gram.dtype)})
