"""Where training would have ended: every trained model's minimiser on its own rows.

A model's converged counterpart is the minimum, in whose basin the trained φ lies, of the objective
that its training descends on average, on its own sample moments: ERM's summed risks; error weight ·
Σ risks + Σ penalties for IRM, with the penalty's mean over its own randomness (plug-in for plug_in,
U-statistic for u_statistic and split_half). ``decomposition.py`` makes use of it.

A method says which minimum is its counterpart (COUNTERPART): ``erm``, ``penalty`` for IRM's, or
none; nothing falls back to another method's. A penalty whose mean is neither of the above, or whose
product covariance no study keeps, has none either, and so has every loss but the squared one.
"""

from collections.abc import Iterator, Sequence
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


class Converger:
    """Converged counterparts of a shard's cells, each computed once."""

    def __init__(self, config: Config, models: TrainedStore, inputs: MomentStore):
        self._models, self._inputs = models, inputs
        self._wanted = {dataset: use.wanted for dataset, use in plan.datasets(config).items()}
        self._found: dict[Cell, np.ndarray] = {}

    def objective(self, cell: Cell) -> str:
        """``erm``, ``plug_in`` or ``u_statistic``; empty where there is no counterpart."""
        named = str(cell.method.get("COUNTERPART", ""))
        if cell.loss.get("NEEDS") != "moments" or named != "penalty" or cell.penalty is None:
            return named if named == "erm" and cell.loss.get("NEEDS") == "moments" else ""
        mean = str(cell.penalty.get("MEAN", ""))
        kept = all(self._wanted[dataset] for dataset in cell.datasets())
        return mean if mean == "plug_in" or kept else ""

    def phi(self, cell: Cell) -> np.ndarray:
        """φ (run, d) of the cell's counterparts; NaN for a run that diverged or does not end."""
        if cell not in self._found:
            self._found[cell] = self._phi(cell)
        return self._found[cell]

    def _phi(self, cell: Cell) -> np.ndarray:
        trained = self._models.get(cell, "phi")[-1].T
        runs = np.flatnonzero(np.isfinite(trained).all(axis=1))
        seeds = self._models.get(cell, "seeds")[runs]
        found = np.full_like(trained, np.nan)
        if len(runs):
            found[runs] = self._minimum(cell, trained[runs], seeds)
        return found

    def _minimum(self, cell: Cell, start: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        moments = _stacked([self._inputs.moments(d, seeds) for d in cell.datasets()])
        if self.objective(cell) == "erm":
            return theory.pooled_least_squares(moments)
        weight = cell.error_weight or 0.0
        if self.objective(cell) == "plug_in":
            minimum = theory.minimise(moments, weight, start)
        else:
            variance = [self._inputs.take(d, seeds, "product_variance") for d in cell.datasets()]
            weights = np.full(len(seeds), weight)
            problem = unbiased.Unbiased(moments, np.stack(variance, axis=1), weights)
            minimum = unbiased.minimise(problem, start)
        return np.where(minimum.converged[:, None], minimum.phi, np.nan)


def _stacked(parts: Sequence[Moments]) -> Moments:
    """Environments' moments (run, …) → (run, E, …)."""
    names = ("gram", "cross", "target")
    return Moments(*(np.stack([getattr(p, name) for p in parts], axis=1) for name in names))


def frames(config: Config, models: TrainedStore, inputs: MomentStore) -> Iterator[dict[str, Any]]:
    """The shard's part of the table ``converged``."""
    converger = Converger(config, models, inputs)
    layout = layout_of(config)
    for order, study, cell, mine in trained_cells(config, models):
        objective = converger.objective(cell)
        if objective:
            phi = converger.phi(cell)[mine]
            yield {
                **setting(layout, order, study, cell),
                "order_3": 0,
                "seed": models.get(cell, "seeds")[mine],
                "objective": objective,
                "converged": np.isfinite(phi).all(axis=1).astype(int),
                **phi_columns(phi.T),
            }
