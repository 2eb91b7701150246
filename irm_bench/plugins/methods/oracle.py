"""Oracle: the target's own mechanism, known to the SEM. Nothing is trained."""

from torch import Tensor

from irm_bench.engine.problem import Problem

LABEL = "oracle"
COLOR = "#000000"
MARKER = "x"
DASH = (0, (1, 1))
REFERENCE = "the causal solution of the structural equation model"
IS_CONTROL = True
NEEDS = ("causal",)


def fit(problem: Problem) -> Tensor:
    """The causal solution (d, run)."""
    return problem.causal
