"""DRIG: distributional robustness by invariant gradients.

Shen, Bühlmann and Taeb 2023: the risk of the reference environment, and γ times what all others add
to it. The reference is a run's first environment.

    R_0 + γ · mean_{e > 0} (R_e − R_0)

Where the others add less than nothing in some direction there is no minimum for large γ.
"""

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.problem import Problem
from irm_bench.theory import small

LABEL = "DRIG"
COLOR = "#5f8f6b"
MARKER = "*"
DASH = "solid"
REFERENCE = "Shen, Bühlmann and Taeb 2023"
ASSUMPTION = "Other environments are the first one, and noise added to its variables."
LOSSES = ("squared",)
MIN_ENVIRONMENTS = 2
PARAMS = {"robustness": 5.0}
LIMIT = {"robustness": 1e9}
FAILS = "the objective has no minimum: the environments take variance away in some direction"


def fit(problem: Problem) -> Tensor:
    """φ (d, run) in closed form; NaN where the objective is unbounded below."""
    gram = _weighted(problem.moments.gram, problem).permute(2, 0, 1).cpu().numpy()
    cross = _weighted(problem.moments.cross, problem).T.cpu().numpy()
    curvatures, _ = small.eigen(gram)
    phi = np.where(curvatures.min(axis=1) > 0, small.solve(gram, cross).T, np.nan)
    return torch.from_numpy(phi).to(problem.start)


def _weighted(per_pair: Tensor, problem: Problem) -> Tensor:
    """The weighted sum (…, run) over a run's environments of values (…, pair)."""
    n_runs = problem.start.shape[-1]
    first = per_pair[..., :n_runs]  # pairs stand slot by slot: the first environments first
    others = (problem.total(per_pair) - first) / (problem.n_environments - 1)
    return first + problem.params["robustness"] * (others - first)
