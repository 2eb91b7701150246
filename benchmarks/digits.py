"""What rounding rows' products to bytes moves φ by: ``python benchmarks/digits.py [--seeds 10]``.

Split-half models are trained as the notebook's are, on its own environments and on wider ones, with
products of two to four bytes, and with five. The table has, by rows and bytes, the largest
difference of a weight to five bytes, and the least spread of a weight over seeds, beside which it
stands. ``splits.n_digits`` chooses by it.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scaling import study
from irm_bench import config
from irm_bench.engine import splits
from irm_bench.planning import plan
from irm_bench.stages import simulate, train
from irm_bench.storage.handover import TrainedStore

TRAIN_SIGMAS = [[0.1, 1.0], [0.05, 2.0]]
# Of so many, sums over ten thousand rows are as exact as float64 is.
MOST = 5


def phis(raw: dict[str, Any], n_digits: int) -> np.ndarray:
    """φ (cell, d, run) after training with products of so many bytes."""
    parsed = config.parse(raw)
    (group,) = plan.groups(parsed)
    rounded = mock.patch.object(splits, "n_digits", return_value=n_digits)
    with tempfile.TemporaryDirectory() as name, rounded:
        moments, path = Path(name) / "moments.npz", Path(name) / "trained.npz"
        simulate.run(parsed, 0, moments)
        train.run(parsed, group, 0, moments, path)
        store = TrainedStore(parsed, [path])
        cells = [cell for one in parsed.studies for cell in plan.cells_of(one)]
        return np.array([store.get(cell, "phi")[-1] for cell in cells])


def rows_of(n_samples: int, n_steps: int, n_seeds: int) -> Iterator[dict[str, Any]]:
    raw = study(
        n_samples=n_samples,
        steps=n_steps,
        seeds=n_seeds,
        train_sigmas=TRAIN_SIGMAS,
        learning_rate={"rule": "capped", "value": 1e-3, "safety": 0.8},
        test_environments=[{"sigma": 1.0}],
        n_test_samples=6,
        methods=[{"name": "irm", "penalty": "split_half"}],
    )
    finest = phis(raw, MOST)
    spread = finest.std(axis=-1, ddof=1).min()
    for n_digits in range(2, MOST):
        moved = np.abs(phis(raw, n_digits) - finest).max()
        row = {"n_samples": n_samples, "bytes": n_digits, "largest_move": moved}
        yield row | {"least_spread": spread}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[50, 1000, 10_000])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=50_000)
    given = parser.parse_args()
    for n_samples in given.n:
        table = pd.DataFrame(rows_of(n_samples, given.steps, given.seeds))
        print(table.to_string(index=False, float_format=lambda x: f"{x:.3g}"), flush=True)


if __name__ == "__main__":
    main()
