"""What rules of choice share."""

import numpy as np


def least_each_seed(scores: np.ndarray) -> np.ndarray:
    """Of scores (candidate, seed), the candidate with the least one, seed by seed: (seed,).

    A score that is not finite, of a run that diverged, is never chosen unless all of a seed's are.
    """
    return np.where(np.isfinite(scores), scores, np.inf).argmin(axis=0)
