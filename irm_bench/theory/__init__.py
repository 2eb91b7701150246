"""What is known exactly: moments, objectives and their minima, paths, laws and crossings."""

from irm_bench.theory.crossings import crossing_sigmas
from irm_bench.theory.flow import Minimum, descent_path, flow_minimum, minimise
from irm_bench.theory.flow_loops import NEWTON_ACCURACY, NEWTON_ITERATIONS
from irm_bench.theory.laws import (
    Decomposition,
    EstimatorLaw,
    decompose,
    penalty_estimators,
    quadratic_coefficients,
)
from irm_bench.theory.objectives import (
    RANK_TOLERANCE,
    error_gradient,
    error_hessian,
    gradient,
    hessian,
    least_squares,
    objective,
    penalty,
    pooled_least_squares,
    rank,
)

__all__ = [
    "NEWTON_ACCURACY",
    "NEWTON_ITERATIONS",
    "RANK_TOLERANCE",
    "Decomposition",
    "EstimatorLaw",
    "Minimum",
    "crossing_sigmas",
    "decompose",
    "descent_path",
    "error_gradient",
    "error_hessian",
    "flow_minimum",
    "gradient",
    "hessian",
    "least_squares",
    "minimise",
    "objective",
    "penalty",
    "penalty_estimators",
    "pooled_least_squares",
    "quadratic_coefficients",
    "rank",
]
