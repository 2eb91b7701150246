"""Where training starts, and the oracle, run by run."""

from collections.abc import Callable, Sequence

import numpy as np

from irm_bench.planning.plan import Cell
from irm_bench.statistics.streams import generator

# A cell and a seed.
Run = tuple[Cell, int]


def of_runs(
    root_seed: int, runs: Sequence[Run], least_squares: Callable[[Cell, int], np.ndarray]
) -> np.ndarray:
    """The start φ (d, run) of each run, as its cell says.

    ``least_squares`` gives ERM's weights (d,) on the rows of a cell and seed.
    """
    d = runs[0][0].model.n_features
    phi = np.ones((d, len(runs)))
    for i, (cell, seed) in enumerate(runs):
        match cell.start:
            case "zeros":
                phi[:, i] = 0.0
            case "random":
                phi[:, i] = random_start(root_seed, cell, seed)
            case "linear":
                phi[:, i] = linear_start(root_seed, cell, seed)
            case "oracle":
                phi[:, i] = oracles(root_seed, [(cell, seed)])[:, 0]
            case "erm":
                phi[:, i] = least_squares(cell, seed)
    return phi


def oracles(root_seed: int, runs: Sequence[Run]) -> np.ndarray:
    """The oracle φ (d, run) of each run; NaN where the SEM does not know it."""
    d = runs[0][0].model.n_features
    phi = np.full((d, len(runs)), np.nan)
    for i, (cell, seed) in enumerate(runs):
        causal = cell.model.causal(cell.model.mechanism(root_seed, seed))
        if causal is not None:
            phi[:, i] = causal
    return phi


def random_start(root_seed: int, cell: Cell, seed: int) -> np.ndarray:
    """Standard normal weights (d,), the same for all methods of a seed."""
    return _stream(root_seed, cell, seed).standard_normal(cell.model.n_features)


def linear_start(root_seed: int, cell: Cell, seed: int) -> np.ndarray:
    """Weights (d,) of a torch.nn.Linear of the SEM's features: uniform between ±1/√(how many).

    So is the intercept's, if there is one. They are the same for all methods of a seed.
    """
    bound = cell.model.n_sem_features**-0.5
    return _stream(root_seed, cell, seed).uniform(-bound, bound, size=cell.model.n_features)


def _stream(root_seed: int, cell: Cell, seed: int) -> np.random.Generator:
    axes = {"sem": cell.model.sem.name, **cell.model.option, "seed": seed}
    return generator(root_seed, role="start", **axes)
