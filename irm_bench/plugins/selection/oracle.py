"""The least error on the test environments: it cheats, and bounds what a choice can reach."""

import numpy as np

from irm_bench.plugins.selection._rules import least_each_seed

LABEL = "oracle choice"
REFERENCE = "Gulrajani and Lopez-Paz 2021, section 3"
# Whose rows it looks at: train, held_out, left_out or test.
DATA = "test"
NEEDS_ENVIRONMENTS = False
METRIC = "error"


def choose(scores: np.ndarray) -> np.ndarray:
    """Of scores (candidate, seed), which candidate each seed takes: (seed,)."""
    return least_each_seed(scores)
