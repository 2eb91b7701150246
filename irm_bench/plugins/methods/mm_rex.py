"""MM-REx: the largest risk over mixtures of the environments with weights down to λ_min < 0.

Krueger et al. 2021, equation 7: max over weights of at least λ_min, of sum one, which is
(1 − E λ_min) max_e R_e + λ_min Σ_e R_e. With λ_min = −m it is written here as

    mean_e R_e + (1 + E m) · (max_e R_e − mean_e R_e)

As m → ∞ the risks have to be equal, as for V-REx. The kink at equal risks is what the answer stands
on, so that it is found by sequential quadratic programming over (φ, t), t ≥ R_e, of several starts.
"""

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "MM-REx"
COLOR = "#9b5fa8"
MARKER = "D"
DASH = "dashdot"
REFERENCE = "Krueger et al. 2021, equation 7"
ASSUMPTION = "The invariant predictor has the same risk in all environments."
LOSSES = ("squared",)
MIN_ENVIRONMENTS = 2
PARAMS = {"extrapolation": 10.0}
LIMIT = {"extrapolation": 1e4}
FAILS = "the search for a minimum ended at none"


def fit(problem: Problem) -> Tensor:
    """φ (d, run), one search a run; NaN where it ends at no minimum."""
    widths = problem.slots.widths
    firsts = np.concatenate([[0], np.cumsum(widths)])
    phi = torch.empty_like(problem.start)
    for run in range(problem.slots.n_runs):
        pairs = [firsts[e] + run for e in range(len(widths)) if run < widths[e]]
        gram = problem.moments.gram[..., pairs].permute(2, 0, 1).cpu().numpy()
        cross = problem.moments.cross[..., pairs].T.cpu().numpy()
        target = problem.target[pairs].cpu().numpy()
        m = float(problem.params["extrapolation"][run])
        phi[:, run] = torch.as_tensor(_extrapolated(gram, cross, target, m))
    return phi


def _extrapolated(gram: np.ndarray, cross: np.ndarray, target: np.ndarray, m: float) -> np.ndarray:
    """φ (d,) of environments' moments (E, …)."""
    n, d = cross.shape
    weight = 1 + n * m

    def risks(phi: np.ndarray) -> np.ndarray:
        return np.einsum("i,eij,j->e", phi, gram, phi) - 2 * cross @ phi + target

    def slopes(phi: np.ndarray) -> np.ndarray:
        return 2 * (gram @ phi - cross)

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        phi, top = point[:d], point[d]
        value = top + (1 / weight - 1) * risks(phi).mean()
        return value, np.append((1 / weight - 1) * slopes(phi).mean(axis=0), 1.0)

    bound = {
        "type": "ineq",
        "fun": lambda point: point[d] - risks(point[:d]),
        "jac": lambda point: np.hstack([-slopes(point[:d]), np.ones((n, 1))]),
    }
    erm = np.linalg.solve(gram.mean(axis=0), cross.mean(axis=0))
    least, found = np.inf, np.full(d, np.nan)
    for start in (erm, np.eye(d)[0], np.eye(d)[-1]):
        point = np.append(start, risks(start).max())
        end = optimize.minimize(
            objective,
            point,
            jac=True,
            method="SLSQP",
            constraints=bound,
            options={"ftol": 1e-15, "maxiter": 100},
        )
        phi = end.x[:d]
        reached = weight * (risks(phi).max() - risks(phi).mean()) + risks(phi).mean()
        if np.isfinite(end.x).all() and np.abs(phi).max() < 1e6 and reached < least:
            least, found = reached, phi
    return found
