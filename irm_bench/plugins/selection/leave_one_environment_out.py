"""The least loss on each training environment in turn, trained on the others."""

import numpy as np

from irm_bench.plugins.selection._rules import least_each_seed

LABEL = "leave one environment out"
REFERENCE = "Gulrajani and Lopez-Paz 2021, section 3"
# Whose rows it looks at: train, held_out, left_out or test.
DATA = "left_out"
NEEDS_ENVIRONMENTS = False


def choose(scores: np.ndarray) -> np.ndarray:
    """Of scores (candidate, seed), which candidate each seed takes: (seed,)."""
    return least_each_seed(scores)
