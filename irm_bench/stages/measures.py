"""What a predictor does on a dataset's rows, by the loss: from moments where these settle it."""

from collections.abc import Mapping, Sequence

import numpy as np

from irm_bench.config import Config
from irm_bench.planning.plan import Dataset
from irm_bench.planning.sampling import all_rows
from irm_bench.plugins.model import check_targets
from irm_bench.plugins.registry import Plugin
from irm_bench.storage.handover import MomentStore
from irm_bench.theory.moments import risk

# Numbers of rows that are kept: those that a study's candidates are measured on, one after another.
KEPT_NUMBERS = 2**22


def mean_of(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of arrays of one shape, summed in their order.

    ``np.mean`` sums columns of one seed in another order than those of many: a seed's bits would
    depend on how many seeds a job has.
    """
    return sum(parts[1:], start=parts[0]) / len(parts)


class Measures:
    """The metrics of losses on datasets; rows are drawn where moments do not do."""

    def __init__(self, config: Config, inputs: MomentStore):
        self._root_seed = config.root_seed
        self._inputs = inputs
        self._kept: dict[tuple[Dataset, int], tuple[np.ndarray, np.ndarray]] = {}

    def metrics(
        self, loss: Plugin, phi: np.ndarray, dataset: Dataset, seeds: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """The loss's metrics by name, (…, seed) each, of φ (…, seed, d)."""
        names = loss.metadata["METRICS"]
        if loss.get("NEEDS") == "moments":
            return {names[0]: risk(phi, self._inputs.moments(dataset, seeds))}
        found = {name: np.empty(phi.shape[:-1]) for name in names}
        for i, seed in enumerate(seeds):
            x, y = self._rows(dataset, int(seed))
            check_targets(dataset.model, y, loss)
            measured = loss.load().measure(x, y, phi[..., i, :])
            for name in names:
                found[name][..., i] = measured[name]
        return found

    def _rows(self, dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows of a dataset, and keep them while there is room: the next model has them too."""
        if (dataset, seed) not in self._kept:
            drawn = all_rows(dataset, self._root_seed, seed)
            self._kept[dataset, seed] = drawn
            while sum(x.size for x, _ in self._kept.values()) > KEPT_NUMBERS:
                self._kept.pop(next(iter(self._kept)))
            return drawn
        return self._kept[dataset, seed]

    def loss(
        self, loss: Plugin, phi: np.ndarray, dataset: Dataset, seeds: np.ndarray
    ) -> np.ndarray:
        """What is minimised, the first of the loss's metrics: (…, seed) of φ (…, seed, d)."""
        return self.metrics(loss, phi, dataset, seeds)[loss.metadata["METRICS"][0]]

    def error(
        self, loss: Plugin, phi: np.ndarray, dataset: Dataset, seeds: np.ndarray
    ) -> np.ndarray:
        """What is reported, the last of the loss's metrics: (…, seed) of φ (…, seed, d)."""
        return self.metrics(loss, phi, dataset, seeds)[loss.metadata["METRICS"][-1]]
