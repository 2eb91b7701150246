"""Problems for the engine, made from rows as the stages make them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import ModuleType

import numpy as np
import torch

from irm_bench.engine import row_losses, training
from irm_bench.engine.descent import Path
from irm_bench.engine.problem import Draws, Problem, Quadratic, Slots
from irm_bench.engine.row_losses import RowBatch
from irm_bench.engine.splits import SignedMeans, SplitDraws
from irm_bench.plugins.losses import squared
from irm_bench.plugins.optimisers import gd
from irm_bench.plugins.sems import example_1
from irm_bench.theory.moments import Accumulator, products

Rows = tuple[np.ndarray, np.ndarray]


def draw_rows(seed: int, n_samples: int, dim: int, sigmas: Sequence[float]) -> list[Rows]:
    rng = np.random.default_rng(seed)
    environments = [{"sigma": s, "gamma": 1.0, "tau": 1.0} for s in sigmas]
    return [example_1.sample(rng, n_samples, e, {"dim": dim}) for e in environments]


def problem_of(
    runs: Sequence[Sequence[Rows]],
    learning_rate: float | Sequence[float] = 1e-3,
    error_weight: float = 1e-5,
    loss: ModuleType = squared,
    **params: float,
) -> Problem:
    """A problem whose runs train on the given environments; the longest runs come first.

    Everything that a plugin may ask for is gathered; ``params`` are the same for every run.
    """
    counts = [len(run) for run in runs]
    slots = Slots(tuple(sum(c > e for c in counts) for e in range(counts[0])))
    pairs = [run[e] for e, width in enumerate(slots.widths) for run in runs[:width]]
    accumulated = [_accumulate(*pair) for pair in pairs]
    moments = [a.moments() for a in accumulated]
    d, n_runs = moments[0].n_features, len(runs)
    variances = [a.covariance() / a.n_rows for a in accumulated]

    def last(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.tensor(np.stack(arrays, axis=-1))

    def per_run(values: float | Sequence[float]) -> torch.Tensor:
        return torch.tensor(np.broadcast_to(np.asarray(values, dtype=float), n_runs).copy())

    causal = torch.tensor(example_1.causal_solution({"dim": d // 2}))
    gathered = {
        "product_variance": last(variances),
        "means": last([m.mean for m in moments]),
        "n_samples": torch.tensor([float(a.n_rows) for a in accumulated]),
        "causal": causal[:, None].repeat(1, n_runs),
        "rows": [(torch.tensor(x), torch.tensor(y)) for x, y in pairs],
    }
    params = {"error_weight": error_weight, **params}
    return Problem(
        slots=slots,
        moments=Quadratic(last([m.gram for m in moments]), last([m.cross for m in moments])),
        target=last([m.target for m in moments]),
        params={name: per_run(value) for name, value in params.items()},
        learning_rate=per_run(learning_rate),
        start=torch.ones((d, n_runs), dtype=torch.float64),
        gathered=gathered,
        row_loss=None if loss.NEEDS == "moments" else row_loss_of(pairs, loss),
    )


def row_loss_of(pairs: Sequence[Rows], loss: ModuleType) -> RowBatch:
    """The loss on the rows of each pair; those of the same array are one dataset."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, (x, _) in enumerate(pairs):
        places[id(x)].append(place)
    parts = []
    for mine in places.values():
        x, y = pairs[mine[0]]
        held = row_losses.Rows(torch.tensor(x), torch.tensor(y))
        parts.append(row_losses.Part(held, torch.tensor(mine)))
    return RowBatch(tuple(parts), loss)


def _accumulate(x: np.ndarray, y: np.ndarray) -> Accumulator:
    accumulator = Accumulator(x.shape[1], with_covariance=True)
    accumulator.add(x, y)
    return accumulator


class FixedSigns:
    """A sign stream that was drawn beforehand: signs (steps, n), padded to whole blocks."""

    def __init__(self, signs: np.ndarray, block: int):
        self._signs = signs
        self.block_steps = block

    def block(self, index: int) -> np.ndarray:
        return self._signs[index * self.block_steps : (index + 1) * self.block_steps]


def split_draws(runs: Sequence[Sequence[Rows]], slots: Slots, signs: FixedSigns) -> SplitDraws:
    pairs = [run[e] for e, width in enumerate(slots.widths) for run in runs[:width]]
    means = SignedMeans((products(x, y) for x, y in pairs), len(pairs), signs)
    return SplitDraws([means], np.arange(len(pairs)), slots)


def train(
    method: ModuleType,
    problem: Problem,
    penalty: ModuleType,
    n_steps: int,
    record: Iterable[int],
    draws: Draws,
    optimiser: ModuleType = gd,
) -> Path:
    """Train every run of a problem, by gradient descent unless said otherwise."""
    return training.train(method, penalty, optimiser, problem, n_steps, record, draws)
