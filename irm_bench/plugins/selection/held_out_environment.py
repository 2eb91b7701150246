"""The least loss on rows of an environment that is held out for the choice alone."""

import numpy as np

from irm_bench.plugins.selection._rules import least_each_seed

LABEL = "held-out environment"
REFERENCE = "IRM paper's repository, code/experiment_synthetic"
# Whose rows it looks at: train, held_out, left_out or test.
DATA = "held_out"
NEEDS_ENVIRONMENTS = True


def choose(scores: np.ndarray) -> np.ndarray:
    """Of scores (candidate, seed), which candidate each seed takes: (seed,)."""
    return least_each_seed(scores)
