"""Oracle: the causal mechanism itself, φ = (1, …, 1, 0, …, 0) in Example 1. Nothing is trained.

Notebook, 'Tracking Ideal Performance'.
"""

from collections.abc import Iterable
from typing import Any

from irm_bench.engine.descent import Path, evaluate_path
from irm_bench.engine.problem import Draws, Problem

LABEL = "oracle"
COLOR = "#000000"
MARKER = "x"
DASH = (0, (1, 1))
REFERENCE = "notebook, 'Tracking Ideal Performance'"
IS_CONTROL = True
TAKES_PENALTY = False


def train(
    problem: Problem,
    penalty: Any,
    n_steps: int,
    record: Iterable[int],
    draws: Draws,
) -> Path:
    """The causal solution at every step."""
    steps = [*record, n_steps]
    return evaluate_path(problem, lambda step: problem.causal, penalty.value, steps, draws)
