"""V-REx: the mean of the risks, and β times their variance over the environments.

Krueger et al. 2021, equation 8, divided by the number of environments, which only scales the
learning rate and β.

    mean_e R_e + β · mean_e (R_e − mean R)²
"""

from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "V-REx"
COLOR = "#cc79a7"
MARKER = "P"
DASH = "dashed"
REFERENCE = "Krueger et al. 2021, equation 8"
ASSUMPTION = "The invariant predictor has the same risk in all environments."
MIN_ENVIRONMENTS = 2
PARAMS = {"beta": 10.0}
LIMIT = {"beta": 1e9}


def value(parameters: Tensor, problem: Problem) -> Tensor:
    """What is minimised, of φ (d, run): (run,)."""
    risks = problem.risks(parameters)
    mean = problem.mean(risks)
    deviations = risks - problem.spread(mean)
    return mean + problem.params["beta"] * problem.mean(deviations**2)
