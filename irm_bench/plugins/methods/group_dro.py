"""Group DRO: the least of the largest risk over the environments.

Sagawa et al. 2020. The largest risk is convex, and its dual is smooth: the q in the simplex that
makes the least weighted risk min_φ Σ_e q_e R_e(φ) largest. φ is weighted least squares there.
"""

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "Group DRO"
COLOR = "#661100"
MARKER = "H"
DASH = "dashed"
REFERENCE = "Sagawa et al. 2020"
ASSUMPTION = "The environments to come are mixtures of those seen."
LOSSES = ("squared",)
MIN_ENVIRONMENTS = 2


def fit(problem: Problem) -> Tensor:
    """φ (d, run), one small concave problem a run."""
    widths = problem.slots.widths
    firsts = np.concatenate([[0], np.cumsum(widths)])
    phi = torch.empty_like(problem.start)
    for run in range(problem.slots.n_runs):
        pairs = [firsts[e] + run for e in range(len(widths)) if run < widths[e]]
        gram = problem.moments.gram[..., pairs].permute(2, 0, 1).cpu().numpy()
        cross = problem.moments.cross[..., pairs].T.cpu().numpy()
        target = problem.target[pairs].cpu().numpy()
        phi[:, run] = torch.as_tensor(_robust(gram, cross, target))
    return phi


def _robust(gram: np.ndarray, cross: np.ndarray, target: np.ndarray) -> np.ndarray:
    """φ (d,) of environments' moments (E, …)."""
    n = len(gram)
    scale = target.mean()

    def weighted(q: np.ndarray) -> np.ndarray:
        mean_gram = np.einsum("e,eij->ij", q, gram)
        ridge = 1e-13 * np.trace(mean_gram) * np.eye(len(mean_gram))
        return np.linalg.solve(mean_gram + ridge, q @ cross)

    def risks(phi: np.ndarray) -> np.ndarray:
        return np.einsum("i,eij,j->e", phi, gram, phi) - 2 * cross @ phi + target

    def dual(q: np.ndarray) -> tuple[float, np.ndarray]:
        found = risks(weighted(q)) / scale
        return -float(q @ found), -found  # the derivative along q is the risks (Danskin)

    q = optimize.minimize(
        dual,
        np.full(n, 1 / n),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * n,
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1, "jac": lambda q: np.ones(n)},
        options={"ftol": 1e-14, "maxiter": 200},
    ).x
    return weighted(np.clip(q, 0, None) / np.clip(q, 0, None).sum())
