"""Matching of the predictions: their mean and variance are to be the same in all environments.

Deep CORAL (Sun and Saenko 2016) matches the covariances of features; of a linear predictor there is
one feature, φᵀx, and its mean is matched too.

    mean_e R_e + λ · mean_e [(m_e − mean m)² + (v_e − mean v)²],  m_e, v_e of φᵀx
"""

from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "matching (CORAL)"
COLOR = "#2a7f8e"
MARKER = "h"
DASH = "dashed"
REFERENCE = "Sun and Saenko 2016"
ASSUMPTION = "The invariant predictor's values have one law in all environments."
MIN_ENVIRONMENTS = 2
NEEDS = ("means",)
LOSSES = ("squared",)
PARAMS = {"match_weight": 10.0}
LIMIT = {"match_weight": 1e9}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    means, variances = problem.means_and_variances(parameters)
    gap = _variance(means, problem) + _variance(variances, problem)
    return problem.mean(problem.risks(parameters)) + problem.params["match_weight"] * gap


def _variance(values: Tensor, problem: Problem) -> Tensor:
    """Variance (run,) over the environments of values (pair,)."""
    return problem.mean((values - problem.spread(problem.mean(values))) ** 2)
