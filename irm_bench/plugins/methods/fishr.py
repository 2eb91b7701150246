"""Fishr: the variances of the rows' gradients are to be the same in all environments.

Rame et al. 2022, of a linear predictor: row i has the gradient g_i = 2 (φᵀx_i − y_i) x_i, and v_e
is the variance of each of its coordinates. It is a form in the covariance of the rows' products.

    mean_e R_e + λ · mean_e ‖v_e − mean v‖²
"""

import torch
from torch import Tensor

from irm_bench.engine.problem import Problem
from irm_bench.engine.sums import add_up, combine
from irm_bench.theory.moments import unpacking

LABEL = "Fishr"
COLOR = "#8a7f3c"
MARKER = "p"
DASH = "dotted"
REFERENCE = "Rame et al. 2022"
ASSUMPTION = "At the invariant predictor the rows' gradients vary alike in all environments."
MIN_ENVIRONMENTS = 2
NEEDS = ("product_variance", "n_samples")
LOSSES = ("squared",)
# The gap grows with the fourth power of φ: much larger weights need smaller learning rates than the
# other methods do.
PARAMS = {"fishr_weight": 1.0}
LIMIT = {"fishr_weight": 1e9}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    variances = _variances(problem.spread(parameters), problem)
    deviations = variances - problem.spread(problem.mean(variances))
    gap = problem.mean(add_up(deviations**2))
    return problem.mean(problem.risks(parameters)) + problem.params["fishr_weight"] * gap


def _variances(phi: Tensor, problem: Problem) -> Tensor:
    """Variance (d, pair) of every coordinate of the rows' gradients at φ (d, pair).

    Coordinate j is 2 Σ_k φ_k x_j x_k − 2 x_j y: a sum of products, with weights φ and −1.
    """
    d, n_pairs = phi.shape
    places = torch.as_tensor(unpacking(d))
    covariance = problem.product_variance * problem.n_samples
    weights = torch.cat([phi, -phi.new_ones(1, n_pairs)])
    of_coordinates = []
    for j in range(d):
        of_row = torch.cat([places[j * d : (j + 1) * d], places[d * d + j : d * d + j + 1]])
        rows = covariance[of_row][:, of_row].unbind()
        weighted = combine(rows, weights.unbind())
        of_coordinates.append(4 * combine(weighted.unbind(), weights.unbind()))
    return torch.stack(of_coordinates)
