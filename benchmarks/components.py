"""What the spread over seeds is made of: ``python benchmarks/components.py [--quick] [--write]``.

A seed of the notebook's book draws rows to train on and rows to test on; the random splits of the
split-half penalty come from one sequence that all seeds share. Here the notebook's split-half model
is trained on the rows of some seeds with each of several sequences: a two-way table, whose analysis
of variance says how much rows, sequences and the two together add to the variance over seeds.
Test rows add what the error on them differs from the exact risk. ``--write`` keeps the table where
the page of the book finds it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from irm_bench import config
from irm_bench.config import Config, Study
from irm_bench.engine import training
from irm_bench.engine.problem import Problem, Quadratic, Slots
from irm_bench.engine.signs import SignStream
from irm_bench.engine.splits import SignedMeans, SplitDraws
from irm_bench.planning import plan
from irm_bench.planning.sampling import all_rows
from irm_bench.plugins.methods import irm
from irm_bench.plugins.optimisers import gd
from irm_bench.plugins.penalties import split_half
from irm_bench.theory.moments import products, risk

TABLE = Path(__file__).parents[1] / "irm_bench/books/notebook/components.csv"
N_SEEDS, N_SEQUENCES = 20, 8
# Sequences are streams of root seeds that no book has.
FIRST_SEQUENCE = 1000
Array = np.ndarray


def study_of_notebook(quick: bool) -> tuple[Config, Study]:
    raw = config.laid_over({"book": "notebook"})
    if quick:
        raw["defaults"] |= {"n_samples": 100, "n_test_samples": 100, "steps": 1200}
    parsed = config.parse(raw)
    return parsed, next(study for study in parsed.studies if study.name == "notebook")


def cell_of(study: Study) -> plan.Cell:
    """The notebook's own model."""
    is_mine = (c for c in plan.cells_of(study) if str(c.key) == "irm-split_half")
    return next(is_mine)


class Trainings:
    """The notebook's split-half model on the rows of seeds, with any sequence of splits."""

    def __init__(self, parsed: Config, study: Study, n_seeds: int):
        self.cell = cell_of(study)
        rows = [
            all_rows(dataset, parsed.root_seed, seed)
            for dataset in self.cell.datasets()
            for seed in range(n_seeds)
        ]
        self._products = [products(x, y) for x, y in rows]
        self._slots = Slots((n_seeds,) * len(self.cell.train))
        stacked = [
            torch.tensor(np.stack(parts, axis=-1))
            for parts in zip(*(_moments(x, y) for x, y in rows), strict=True)
        ]
        gram, cross, target = stacked
        params = dict(self.cell.params)

        def per_run(value: float) -> torch.Tensor:
            return torch.full((n_seeds,), value, dtype=torch.float64)

        self._problem = Problem(
            slots=self._slots,
            moments=Quadratic(gram, cross),
            target=target,
            learning_rate=per_run(self.cell.learning_rate or 0.0),
            start=torch.ones(len(cross), n_seeds, dtype=torch.float64),
            params={name: per_run(value) for name, value in params.items()},
        )

    def phi(self, sequence: int) -> Array:
        """φ (seed, d) after the notebook's updates."""
        stream = SignStream(FIRST_SEQUENCE + sequence, self.cell.n_samples)
        means = SignedMeans(iter(self._products), len(self._products), stream)
        draws = SplitDraws([means], np.arange(len(self._products)), self._slots)
        steps = self.cell.steps
        path = training.train(irm, split_half, gd, self._problem, steps, [steps], draws)
        return path.phi[-1].T.numpy()


def _moments(x: Array, y: Array) -> tuple[Array, Array, float]:
    return x.T @ x / len(y), x.T @ y / len(y), float(y @ y / len(y))


def quantities(parsed: Config, study: Study, phi: Array) -> Iterator[tuple[str, Array, Array]]:
    """What is looked at: a name, its exact values (sequence, seed), and those on test rows."""
    model = study.model
    is_effect = np.array([role == "effect" for role in model.roles])
    weight = np.abs(phi[..., is_effect]).mean(axis=-1)
    yield "weight of Z", weight, weight
    for dataset in plan.test_datasets(study, model):
        environment = dataset.environment
        moments = plan.population(model, [environment]).at(0)
        rows = [all_rows(dataset, parsed.root_seed, seed) for seed in range(phi.shape[1])]
        found = [
            ((y[:, None] - x @ phi[:, s].T) ** 2).mean(axis=0) for s, (x, y) in enumerate(rows)
        ]
        name = f"MSE at σ = {environment['sigma']:g}"
        yield name, risk(phi, moments), np.stack(found, axis=1)


def components(exact: Array, tested: Array) -> dict[str, tuple[float, float]]:
    """Variance and p value (NaN: none) of each component of values (sequence, seed).

    Mean squares of the two-way table without repetition; a component below 0 is 0. The p value is
    that of the F test that the component is 0.
    """
    k, s = exact.shape
    of_seed, of_sequence = exact.mean(axis=0), exact.mean(axis=1)
    rest = exact - of_seed - of_sequence[:, None] + exact.mean()
    within = float((rest**2).sum() / ((k - 1) * (s - 1)))
    seeds, sequences = k * float(of_seed.var(ddof=1)), s * float(of_sequence.var(ddof=1))
    freedom = (k - 1) * (s - 1)
    of_test = tested - exact
    return {
        "training rows": (max(0.0, (seeds - within) / k), _p_value(seeds, within, s - 1, freedom)),
        "split sequence, shared": (
            max(0.0, (sequences - within) / s),
            _p_value(sequences, within, k - 1, freedom),
        ),
        "splits on these rows": (within, np.nan),
        "test rows": (float(of_test.var(axis=1, ddof=1).mean()), np.nan),
    }


def _p_value(of_component: float, within: float, freedom: int, freedom_within: int) -> float:
    return float(stats.f.sf(of_component / within, freedom, freedom_within))


def measure(quick: bool) -> pd.DataFrame:
    """A row a quantity and component: variance, its share of their sum, p value."""
    parsed, study = study_of_notebook(quick)
    n_seeds, n_sequences = (5, 3) if quick else (N_SEEDS, N_SEQUENCES)
    trainings = Trainings(parsed, study, n_seeds)
    phi = np.stack([trainings.phi(sequence) for sequence in range(n_sequences)])
    rows = []
    for name, exact, tested in quantities(parsed, study, phi):
        found = components(exact, tested)
        whole = sum(variance for variance, _ in found.values())
        for component, (variance, p_value) in found.items():
            row = {"quantity": name, "component": component, "variance": variance}
            row |= {"share": variance / whole, "p_value": p_value}
            rows.append(row | {"n_seeds": n_seeds, "n_sequences": n_sequences})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="what the spread over seeds is made of")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--write", action="store_true", help="keep the table for the page")
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = measure(given.quick)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    if given.write:
        table.to_csv(TABLE, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
