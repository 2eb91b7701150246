"""Where training would have ended: every trained model's minimiser on its own rows.

A model's converged counterpart is the minimum, in whose basin the trained φ lies, of the objective
that its training descends on average, on its own sample moments: ERM's summed risks; error weight ·
Σ risks + Σ penalties for IRM, with the penalty's mean over its own randomness (plug-in for plug_in,
U-statistic for u_statistic and split_half). ``decomposition.py`` makes use of it.

A method says which minimum is its counterpart (COUNTERPART): ``erm``, ``penalty`` for IRM's, or
none; nothing falls back to another method's. A penalty whose mean is neither of the above, or whose
product covariance no study keeps, has none either, and so has every loss but the squared one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from irm_bench import theory
from irm_bench.config import Config
from irm_bench.config.layout import layout_of
from irm_bench.planning import plan
from irm_bench.planning.columns import phi_columns, setting
from irm_bench.planning.plan import Cell
from irm_bench.storage.handover import MomentStore, TrainedStore, trained_cells
from irm_bench.theory import unbiased
from irm_bench.theory.moments import Moments

# Numbers of the moments that are descended on together, at most: 32 MB, and a few times as much on
# the way.
MOST_NUMBERS = 2**22
# Begins the names of the columns of where a training did end; they are in no table.
TRAINED = "trained_"


@dataclass(frozen=True)
class _Job:
    """The runs of a cell that have a counterpart: where they stand, and what it follows from."""

    cell: Cell
    runs: np.ndarray
    start: np.ndarray
    seeds: np.ndarray


class Converger:
    """Converged counterparts of a shard's cells.

    Those of all cells of a kind are found together: a descent takes some hundred steps, each of
    which costs about the same for one run and for thousands.
    """

    def __init__(self, config: Config, models: TrainedStore, inputs: MomentStore):
        self._models, self._inputs = models, inputs
        self._wanted = {dataset: use.wanted for dataset, use in plan.datasets(config).items()}

    def objective(self, cell: Cell) -> str:
        """``erm``, ``plug_in`` or ``u_statistic``; empty where there is no counterpart."""
        named = str(cell.method.get("COUNTERPART", ""))
        if cell.loss.get("NEEDS") != "moments" or named != "penalty" or cell.penalty is None:
            return named if named == "erm" and cell.loss.get("NEEDS") == "moments" else ""
        mean = str(cell.penalty.get("MEAN", ""))
        kept = all(self._wanted[dataset] for dataset in cell.datasets())
        return mean if mean == "plug_in" or kept else ""

    def phis(self, cells: Iterable[Cell]) -> dict[Cell, np.ndarray]:
        """φ (run, d) of the counterparts of cells; NaN for a run that diverged or does not end."""
        ends = {}
        kinds: dict[tuple[str, int, int], list[_Job]] = defaultdict(list)
        for cell in cells:
            trained = self._models.get(cell, "phi")[-1].T
            ends[cell] = np.full_like(trained, np.nan)
            runs = np.flatnonzero(np.isfinite(trained).all(axis=1))
            seeds = self._models.get(cell, "seeds")[runs]
            if len(runs):
                kind = (self.objective(cell), cell.model.n_features, len(cell.train))
                kinds[kind].append(_Job(cell, runs, trained[runs], seeds))
        for kind, jobs in kinds.items():
            for batch in _batches(jobs, *kind):
                minima = self._minima(kind[0], batch)
                places = np.cumsum([len(job.runs) for job in batch])[:-1]
                for job, phi in zip(batch, np.split(minima, places), strict=True):
                    ends[job.cell][job.runs] = phi
        return ends

    def _minima(self, objective: str, jobs: Sequence[_Job]) -> np.ndarray:
        """φ (run, d) of the runs of jobs, one after the other."""
        moments = _joined([self._moments(job) for job in jobs])
        if objective == "erm":
            return theory.pooled_least_squares(moments)
        start = np.concatenate([job.start for job in jobs])
        weights = np.concatenate(
            [np.full(len(job.runs), job.cell.error_weight or 0.0) for job in jobs]
        )
        if objective == "plug_in":
            minimum = theory.minimise(moments, weights, start)
        else:
            variance = np.concatenate([self._variance(job) for job in jobs])
            problem = unbiased.Unbiased(moments, variance, weights)
            minimum = unbiased.minimise(problem, start)
        return np.where(minimum.converged[:, None], minimum.phi, np.nan)

    def _moments(self, job: _Job) -> Moments:
        return _stacked([self._inputs.moments(d, job.seeds) for d in job.cell.datasets()])

    def _variance(self, job: _Job) -> np.ndarray:
        """Product covariances (run, E, P, P)."""
        datasets = job.cell.datasets()
        variances = [self._inputs.take(d, job.seeds, "product_variance") for d in datasets]
        return np.stack(variances, axis=1)


def _batches(
    jobs: Sequence[_Job], objective: str, d: int, n_environments: int
) -> Iterator[list[_Job]]:
    """Jobs in turn, as many together as their numbers allow."""
    n_products = d * (d + 1) // 2 + d
    of_run = n_environments * (n_products**2 if objective == "u_statistic" else d * d)
    batch: list[_Job] = []
    for job in jobs:
        if batch and of_run * sum(len(one.runs) for one in (*batch, job)) > MOST_NUMBERS:
            yield batch
            batch = []
        batch.append(job)
    yield batch


def _stacked(environments: Sequence[Moments]) -> Moments:
    """Environments' moments (run, …) → (run, E, …)."""
    gram = np.stack([moments.gram for moments in environments], axis=1)
    cross = np.stack([moments.cross for moments in environments], axis=1)
    target = np.stack([moments.target for moments in environments], axis=1)
    return Moments(gram, cross, target)


def _joined(cells: Sequence[Moments]) -> Moments:
    """Moments (run, E, …) of runs of several cells, one after the other."""
    gram = np.concatenate([moments.gram for moments in cells])
    cross = np.concatenate([moments.cross for moments in cells])
    target = np.concatenate([moments.target for moments in cells])
    return Moments(gram, cross, target)


def frames(config: Config, models: TrainedStore, inputs: MomentStore) -> Iterator[dict[str, Any]]:
    """The shard's part of the table ``converged``, and where the training ended (``TRAINED``)."""
    converger = Converger(config, models, inputs)
    layout = layout_of(config)
    told = [one for one in trained_cells(config, models) if converger.objective(one[2])]
    ends = converger.phis(dict.fromkeys(cell for _, _, cell, _ in told))
    for order, study, cell, mine in told:
        phi, trained = ends[cell][mine], models.get(cell, "phi")[-1][:, mine]
        yield {
            **setting(layout, order, study, cell),
            "order_3": 0,
            "seed": models.get(cell, "seeds")[mine],
            "objective": converger.objective(cell),
            "converged": np.isfinite(phi).all(axis=1).astype(int),
            **phi_columns(phi.T),
            **{f"{TRAINED}{name}": values for name, values in phi_columns(trained).items()},
        }
