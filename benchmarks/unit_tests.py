"""Measure the linear unit tests: ``python benchmarks/unit_tests.py [--quick] [--write]``.

The benchmark's own way is one model at a time, through all rows, with torch's autograd and Adam; it
is written anew here. Beside it is irm_bench's, in the same session, one thread each: example 1 from
moments in a compiled loop, examples 2 and 3 through the rows, ``N_RUNS`` models at once, fewer than
a shard of the book has. What is compared is the CPU time of one update of one model, medians; from
it follows the cost of the sweep of 630,000 runs of 10,000 updates, and of
``config/unit_tests_full.yaml`` with its numbers of environments. ``--write`` keeps the table where
the page of the book finds it.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clock import timed
from irm_bench.books.unit_tests.methods import erm, irm
from irm_bench.config import parsing
from irm_bench.engine import compiled, training
from irm_bench.engine.problem import Problem, Quadratic, Slots, no_draws
from irm_bench.engine.row_losses import Part, RowBatch, Rows
from irm_bench.plugins.losses import logistic
from irm_bench.plugins.methods import and_mask, iga
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "irm_bench/books/unit_tests/cost.csv"
SWEEP = ROOT / "config/unit_tests_full.yaml"
N_ROWS, N_ENVIRONMENTS, D = 10_000, 3, 10
# Of the sweep: 21 configurations, 6 data sets, 5 methods (the oracle is ERM), 50 seeds, 20 draws.
RUNS_OF_METHOD = {"erm": 84_000, "irm": 42_000, "and_mask": 42_000, "iga": 42_000}
UPDATES = 10_000
N_EXAMPLES = {"squared": 1, "logistic": 2}
# Models of one batch: some of the draws of a shard's seeds.
N_RUNS = {"squared": 256, "logistic": 64}
METHODS: dict[str, tuple[ModuleType, ModuleType, dict[str, float]]] = {
    "erm": (erm, adam, {}),
    "irm": (irm, adam, {"penalty_share": 0.9}),
    "and_mask": (and_mask, gd, {"agreement": 0.9, "decay": 1e-3}),
    "iga": (iga, adam, {"gradient_weight": 1000.0}),
}
Pairs = list[tuple[Tensor, Tensor]]


def draw_rows(loss: str) -> Pairs:
    """Rows in single precision, torch's default."""
    generator = torch.Generator().manual_seed(0)
    pairs = []
    for _ in range(N_ENVIRONMENTS):
        x = torch.randn(N_ROWS, D, generator=generator)
        y = x.sum(dim=1, keepdim=True) + torch.randn(N_ROWS, 1, generator=generator)
        pairs.append((x, (y > 0).float() if loss == "logistic" else y))
    return pairs


def loop(method: str, loss: str, pairs: Pairs, n_steps: int) -> None:
    """One model as the benchmark trains it: a linear layer, the rows, autograd."""
    model = torch.nn.Linear(D, 1)
    measure = torch.nn.BCEWithLogitsLoss() if loss == "logistic" else torch.nn.MSELoss()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(n_steps):
        optimiser.zero_grad()
        if method == "and_mask":
            _masked_step(model, measure, pairs)
            continue
        objective = _objective(method, model, measure, pairs)
        objective.backward()
        optimiser.step()


def _objective(
    method: str, model: torch.nn.Linear, measure: Callable[..., Tensor], pairs: Pairs
) -> Tensor:
    if method == "irm":
        return _irm(model, measure, pairs)
    losses = [measure(model(x), y) for x, y in pairs]
    mean = torch.stack(losses).mean()
    if method == "erm":
        return mean
    weights = list(model.parameters())
    of_mean = torch.autograd.grad(mean, weights, create_graph=True)
    spread = torch.zeros(())
    for one in losses:
        gradients = torch.autograd.grad(one, weights, create_graph=True)
        for gradient, middle in zip(gradients, of_mean, strict=True):
            spread = spread + (gradient - middle).pow(2).sum()
    return mean + 1000.0 * spread


def _irm(model: torch.nn.Linear, measure: Callable[..., Tensor], pairs: Pairs) -> Tensor:
    losses, penalty = [], torch.zeros(())
    for x, y in pairs:
        scale, offset = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
        losses.append(measure(model(x) * scale + offset, y))
        for slope in torch.autograd.grad(losses[-1], [scale, offset], create_graph=True):
            penalty = penalty + slope.pow(2).sum()
    return 0.1 * torch.stack(losses).mean() + 0.9 * penalty


def _masked_step(model: torch.nn.Linear, measure: Callable[..., Tensor], pairs: Pairs) -> None:
    parameters = list(model.parameters())
    of_environments = [torch.autograd.grad(measure(model(x), y), parameters) for x, y in pairs]
    with torch.no_grad():
        for k, parameter in enumerate(parameters):
            stacked = torch.stack([gradients[k] for gradients in of_environments])
            if k == 0:
                stacked = stacked / stacked.flatten(1).norm(dim=1)[:, None, None]
            mask = stacked.sign().sum(dim=0).abs() > 0.9 * len(pairs)
            parameter.mul_(1 - 1e-6).sub_(1e-3 * mask * stacked.mean(dim=0))


def problem_of(pairs: Pairs, loss: str, n_runs: int, params: dict[str, float]) -> Problem:
    """So many runs on the same rows, with an intercept."""
    grams, crosses, targets, parts = [], [], [], []
    for e, (x, y) in enumerate(pairs):
        rows = torch.cat([x, torch.ones_like(y)], dim=1).double()
        grams.append(rows.T @ rows / len(rows))
        crosses.append((rows * y).mean(dim=0))
        targets.append((y.double() ** 2).mean())
        places = torch.arange(e * n_runs, (e + 1) * n_runs)
        parts.append(Part(Rows(rows, y[:, 0]), places))

    def per_pair(values: list[Tensor]) -> Tensor:
        return torch.stack(values, dim=-1).repeat_interleave(n_runs, dim=-1)

    def per_run(value: float) -> Tensor:
        return torch.full((n_runs,), value, dtype=torch.float64)

    return Problem(
        slots=Slots((n_runs,) * len(pairs)),
        moments=Quadratic(per_pair(grams), per_pair(crosses)),
        target=per_pair(targets),
        learning_rate=per_run(1e-3),
        start=torch.zeros(D + 1, n_runs, dtype=torch.float64),
        params={name: per_run(value) for name, value in {**adam.PARAMS, **params}.items()},
        row_loss=RowBatch(tuple(parts), logistic) if loss == "logistic" else None,
    )


def seconds_an_update(method: str, loss: str, quick: bool) -> tuple[float, float]:
    """CPU seconds of an update of one model: the loop's and ours, medians of turns."""
    pairs = draw_rows(loss)
    module, optimiser, params = METHODS[method]
    n_runs = N_RUNS[loss]
    steps_of_loop = 2 if quick else 200
    steps = 5 if quick else 400  # what a training costs besides is then little of it
    problem = problem_of(pairs, loss, n_runs, params)

    def ours() -> None:
        training.train(module, plug_in, optimiser, problem, steps, [], no_draws)

    ours()  # compiles it
    loop(method, loss, pairs, 1)
    turns = []
    for _ in range(1 if quick else 5):
        theirs = timed(lambda: loop(method, loss, pairs, steps_of_loop))[1] / steps_of_loop
        turns.append((theirs, timed(ours)[1] / steps / n_runs))
    theirs, mine = np.median(np.array(turns), axis=0)
    return float(theirs), float(mine)


def measured(quick: bool) -> pd.DataFrame:
    """A row a loss and method: seconds a run of 10,000 updates, ratio, core-hours of the sweep."""
    rows = []
    for loss, n_examples in N_EXAMPLES.items():
        for method in METHODS:
            theirs, mine = seconds_an_update(method, loss, quick)
            n_runs = RUNS_OF_METHOD[method] * n_examples
            row = {"loss": loss, "method": method, "n_runs": n_runs, "ratio": theirs / mine}
            for name, seconds in (("loop", theirs), ("irm_bench", mine)):
                row[f"{name}_seconds"] = seconds * UPDATES
                row[f"{name}_core_hours"] = seconds * UPDATES * n_runs / 3600
            rows.append(row)
    return pd.DataFrame(rows)


def of_sweep(table: pd.DataFrame) -> pd.DataFrame:
    """A row a loss and method of the sweep for a cluster: its models and core-hours, and a shard's.

    What a model costs grows with its environments, and an oracle costs what ERM does.
    """
    config = parsing.of_book("unit_tests", parsing.read(SWEEP))
    seconds = table.set_index(["loss", "method"])["irm_bench_seconds"]
    rows = []
    for study in config.studies:
        for method in study.methods:
            n_models = len(study.models) * len(study.seeds) * len(method.tuned)
            for environments in study.train_sets:
                trained_as = "erm" if method.name == "oracle" else method.name
                of_model = seconds[study.loss.name, trained_as] * len(environments) / N_ENVIRONMENTS
                hours = n_models * of_model / 3600
                rows.append((study.loss.name, method.name, n_models, hours))
    of_studies = pd.DataFrame(rows, columns=["loss", "method", "n_models", "core_hours"])
    sums = of_studies.groupby(["loss", "method"], as_index=False, sort=False).sum()
    return sums.assign(shard_core_hours=sums["core_hours"] / config.shards)


# What is measured in a few updates stands for many, which are compiled.
@mock.patch.object(compiled, "FEWEST_UPDATES", 0)
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--quick", action="store_true", help="a few updates, for the tests")
    parser.add_argument("--write", action="store_true", help="keep the table in the book")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    table = measured(asked.quick)
    print(table.to_string(index=False, float_format="{:.3g}".format))
    hours = table[["loop_core_hours", "irm_bench_core_hours"]].sum()
    print(f"{table['n_runs'].sum():,} runs: {hours.iloc[0]:,.0f} core-hours by the loop,")
    print(f"{hours.iloc[1]:,.1f} by irm_bench, on three environments each")
    print(f"{SWEEP.name}, by irm_bench:")
    print(of_sweep(table).to_string(index=False, float_format="{:.3g}".format))
    if asked.write:
        table.to_csv(TABLE, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
