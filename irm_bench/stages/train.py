"""Stage 2: train every cell of a group for the seeds of a shard, in as few batches as possible."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from irm_bench import theory
from irm_bench.config import Config, checks
from irm_bench.config.model import DRAWN, GAUSSIAN, SINGLE
from irm_bench.engine import training
from irm_bench.engine.descent import Path as Trajectory
from irm_bench.engine.problem import Draws, Problem, Quadratic, Slots, no_draws
from irm_bench.engine.row_losses import WIDTH, Part, RowBatch, Rows
from irm_bench.engine.signs import SignStream
from irm_bench.engine.split_law import LawDraws, NormalMeans
from irm_bench.engine.splits import AHEAD, HAS_BYTE_PRODUCTS, SignedMeans, SplitDraws
from irm_bench.errors import about
from irm_bench.planning import plan, starts
from irm_bench.planning.plan import Cell, Dataset
from irm_bench.planning.sampling import all_rows, rows
from irm_bench.plugins.registry import Plugin
from irm_bench.running import progress
from irm_bench.statistics.streams import generator
from irm_bench.storage import archives
from irm_bench.storage.handover import TRAINED, MomentStore
from irm_bench.theory.moments import products, stack

# What a batch holds at most, the runs of one seed aside: runs (enough to hide the cost of a call,
# few enough to stay in the cache), numbers of their moments (128 MB) and products of rows for the
# split-half penalty (268 MB, a product being 4 bytes, or 8 where bytes do not multiply fast).
LIMITS = np.array([2**12, 2**24, 2**26 if HAS_BYTE_PRODUCTS else 2**25])


@dataclass(frozen=True)
class Run:
    """One model to train: a cell and a seed."""

    cell: Cell
    index: int
    seed: int
    wanted: bool

    @property
    def family(self) -> tuple[Any, ...]:
        """Runs of equal family can share a batch, whatever their data come from."""
        c = self.cell
        features = (c.model.n_features, c.model.intercept)
        optimiser = c.optimiser.plugin if c.optimiser else None
        shared = (c.loss, c.monitor, optimiser, c.steps, c.splits, c.precision)
        return (str(c.key), *features, *shared)

    @property
    def needs(self) -> frozenset[str]:
        return self.cell.needs


def recorded_steps(n_steps: int) -> list[int]:
    """Log-spaced numbers of updates (about ten a decade), 0, the end, and the last round one.

    Training loops that print every 1,000 updates do so, the last time, 1,000 before the end.
    """
    n_points = max(2, int(10 * np.log10(n_steps + 1)))
    spaced = np.unique(np.geomspace(1, max(n_steps, 1), n_points).round().astype(int))
    last_print = max(0, (n_steps - 1) // 1000 * 1000)
    return sorted({0, last_print, n_steps, *(int(step) for step in spaced if step <= n_steps)})


def run(config: Config, group: str, shard: int, moments: Path | str, output: Path | str) -> None:
    """Train and write the paths of a group's runs, in one thread: more would not pay."""
    checks.device(config)
    with _one_thread():
        _run(config, group, shard, moments, output)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(config: Config, group: str, shard: int, moments: Path | str, output: Path | str) -> None:
    inputs = MomentStore(config, moments)
    parts: dict[int, list[dict[str, np.ndarray]]] = defaultdict(list)
    for batch in batches(config, group, shard):
        seeds = sorted({run.seed for run in batch})
        with about(f"group {group}, {len(batch)} runs, seeds {seeds[0]} to {seeds[-1]}"):
            path = train_batch(config, batch, inputs)
        for index, part in _by_cell(batch, path):
            parts[index].append(part)
    arrays = {
        f"{index}/{name}": np.concatenate([part[name] for part in pieces], axis=-1)
        for index, pieces in parts.items()
        for name in pieces[0]
    }
    archives.write_arrays(output, TRAINED, config.stage_hash, arrays)


def batches(config: Config, group: str, shard: int) -> Iterator[list[Run]]:
    """The runs of a group, cut into batches of one family each."""
    mine = set(plan.shard_seeds(config, shard))
    of_group = set(plan.groups(config)[group])
    runs = [
        Run(cell, index, seed, use.wanted)
        for index, (cell, use) in enumerate(plan.cells(config).items())
        if cell in of_group
        for seed in sorted(use.seeds & mine)
    ]
    runs.sort(key=lambda r: (str(r.family), r.seed, r.index))
    for _, family in groupby(runs, key=lambda r: r.family):
        yield from _bounded(list(family))


def _bounded(runs: list[Run]) -> Iterator[list[Run]]:
    """Cut a family, ordered by seed, into batches within the limits."""
    batch: list[Run] = []
    load = np.zeros(3, dtype=np.int64)
    for _, group in groupby(runs, key=lambda r: r.seed):
        of_seed = list(group)
        more = _load(of_seed)
        if batch and (load + more > LIMITS).any():
            yield batch
            batch, load = [], np.zeros_like(load)
        batch += of_seed
        load += more
    yield batch


def _load(runs: list[Run]) -> np.ndarray:
    """Of the runs of one seed: how many, the numbers of their moments, the products of rows."""
    d = runs[0].cell.model.n_features
    n_products = d * (d + 1) // 2 + d
    of_pair = d * d + (n_products**2 if runs[0].cell.keeps_product_variance else 0)
    held = {dataset for run in runs if run.cell.splits == DRAWN for dataset in run.cell.datasets()}
    return np.array(
        [
            len(runs),
            of_pair * sum(len(run.cell.train) for run in runs),
            n_products * sum(dataset.n_samples for dataset in held) + _held_rows(runs),
        ]
    )


def _held_rows(runs: list[Run]) -> int:
    """Numbers of the rows that a loss which needs them holds."""
    if runs[0].cell.loss.get("NEEDS") != "rows":
        return 0
    held = {dataset for run in runs for dataset in run.cell.datasets()}
    of_row = runs[0].cell.model.n_features + 1 + WIDTH
    return sum(of_row * dataset.n_samples for dataset in held)


def train_batch(config: Config, batch: list[Run], inputs: MomentStore) -> Trajectory:
    """Train one batch; the path's runs stand in the order of the batch."""
    # Cell by cell, seeds within: the pairs of a cell then stand as their datasets' columns do.
    order = sorted(
        range(len(batch)), key=lambda i: (-len(batch[i].cell.train), batch[i].index, batch[i].seed)
    )
    runs = [batch[i] for i in order]
    slots = _slots(runs)
    cell = runs[0].cell
    penalty = cell.monitor.load()
    wanted = any(run.wanted for run in runs)
    record = recorded_steps(cell.steps) if wanted else [cell.steps]
    problem = build_problem(runs, slots, inputs, config)
    optimiser = cell.optimiser.plugin.load() if cell.optimiser else None
    label = f"train {cell.key} ({len(runs)} runs)"
    with progress.bar(cell.steps, label, "step") as bar:
        draws: Draws = no_draws
        if "splits" in cell.needs:
            ahead = AHEAD if cell.penalty else 1
            draws = _split_draws(config, runs, slots, inputs, ahead, bar.update)
        path = training.train(
            cell.method.load(),
            penalty,
            optimiser,
            problem,
            cell.steps,
            record,
            draws,
            torch.float32 if cell.precision == SINGLE else torch.float64,
        )
    back = torch.as_tensor(np.argsort(order))
    return Trajectory(
        path.steps,
        path.phi.cpu()[..., back],
        path.penalty.cpu()[:, back],
        path.diverged_at.cpu()[back],
        {name: values.cpu()[back] for name, values in path.extras.items()},
    )


def _slots(runs: Sequence[Run]) -> Slots:
    """Runs ordered by falling number of environments → the slots of their pairs."""
    counts = [len(run.cell.train) for run in runs]
    return Slots(tuple(sum(count > e for count in counts) for e in range(counts[0])))


def _pairs(runs: Sequence[Run], slots: Slots) -> list[tuple[Dataset, int]]:
    """The (dataset, seed) of every pair, slot by slot."""
    return [
        (run.cell.datasets()[e], run.seed)
        for e, width in enumerate(slots.widths)
        for run in runs[:width]
    ]


def build_problem(
    runs: Sequence[Run], slots: Slots, inputs: MomentStore, config: Config
) -> Problem:
    """The torch problem of runs ordered by falling number of environments."""
    pairs = _pairs(runs, slots)
    places = [(run.cell, run.seed) for run in runs]
    start = starts.of_runs(config.root_seed, places, partial(_least_squares, inputs))
    tensor = partial(_tensor, config)

    def gathered(name: str) -> torch.Tensor:
        return tensor(np.moveaxis(inputs.gather(pairs, name), 0, -1))

    return Problem(
        slots=slots,
        moments=Quadratic(gathered("gram"), gathered("cross")),
        target=gathered("target"),
        params={name: tensor(values) for name, values in _params(runs).items()},
        learning_rate=tensor([run.cell.learning_rate or 0.0 for run in runs]),
        start=tensor(start),
        gathered=_gathered(config, runs, pairs, inputs),
        row_loss=_row_loss(config, runs[0].cell.loss, pairs),
    )


def _gathered(
    config: Config, runs: Sequence[Run], pairs: Sequence[tuple[Dataset, int]], inputs: MomentStore
) -> dict[str, Any]:
    """What the method and its penalty ask for, by name; the run or pair axis is the last one."""
    stored = {"product_variance": "product_variance", "means": "mean"}
    arrays: dict[str, Any] = {}
    for name in runs[0].needs:
        if name in stored:
            arrays[name] = np.moveaxis(inputs.gather(list(pairs), stored[name]), 0, -1)
        elif name == "n_samples":
            arrays[name] = [dataset.n_samples for dataset, _ in pairs]
        elif name == "causal":
            arrays[name] = starts.oracles(config.root_seed, [(run.cell, run.seed) for run in runs])
    gathered: dict[str, Any] = {name: _tensor(config, array) for name, array in arrays.items()}
    if "rows" in runs[0].needs:
        gathered["rows"] = _rows_of_pairs(config, pairs)
    return gathered


def _params(runs: Sequence[Run]) -> dict[str, list[float]]:
    """The parameters of the runs' method and optimiser by name, one value a run."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        of_optimiser = run.cell.optimiser.params if run.cell.optimiser else ()
        for name, value in (*run.cell.params, *of_optimiser):
            by_name[name].append(value)
    return dict(by_name)


def _tensor(config: Config, array: Any) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(array), dtype=torch.float64, device=config.device)


def _row_loss(
    config: Config, loss: Plugin, pairs: Sequence[tuple[Dataset, int]]
) -> RowBatch | None:
    """A loss that goes through rows: those of every dataset and seed once, and their pairs."""
    if loss.get("NEEDS") != "rows":
        return None
    places: dict[tuple[Dataset, int], list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        places[pair].append(place)
    parts = []
    for (dataset, seed), mine in places.items():
        x, y = all_rows(dataset, config.root_seed, seed)
        held = Rows(_tensor(config, x), _tensor(config, y))
        parts.append(Part(held, torch.tensor(mine, device=config.device)))
    return RowBatch(tuple(parts), loss.load())


def _rows_of_pairs(
    config: Config, pairs: Sequence[tuple[Dataset, int]]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The rows of every pair, those of a dataset and seed held once."""
    held: dict[tuple[Dataset, int], tuple[torch.Tensor, torch.Tensor]] = {}
    for dataset, seed in dict.fromkeys(pairs):
        x, y = all_rows(dataset, config.root_seed, seed)
        held[dataset, seed] = _tensor(config, x), _tensor(config, y)
    return [held[pair] for pair in pairs]


def _least_squares(inputs: MomentStore, cell: Cell, seed: int) -> np.ndarray:
    """Pooled least squares (d,) on the rows of a cell and seed."""
    parts = [inputs.moments(dataset, np.array([seed])).at(0) for dataset in cell.datasets()]
    return theory.pooled_least_squares(stack(parts))


def _split_draws(
    config: Config,
    runs: Sequence[Run],
    slots: Slots,
    inputs: MomentStore,
    ahead: int,
    on_load: Callable[[int], object],
) -> SplitDraws:
    pairs = _pairs(runs, slots)
    # The columns of each n stand together.
    distinct = sorted(dict.fromkeys(pairs), key=lambda pair: pair[0].n_samples)
    columns = {pair: i for i, pair in enumerate(distinct)}
    pair_columns = np.array([columns[pair] for pair in pairs])
    if runs[0].cell.splits == GAUSSIAN:
        law = _normal_means(config, distinct, inputs)
        return LawDraws(law, pair_columns, slots, ahead, on_load)
    return SplitDraws(_signed_means(config, distinct), pair_columns, slots, ahead, on_load)


def _signed_means(config: Config, columns: Sequence[tuple[Dataset, int]]) -> list[SignedMeans]:
    """What splits of rows give, of columns that are sorted by their n."""
    means = []
    for n_samples, of_n in groupby(columns, key=lambda column: column[0].n_samples):
        held = list(of_n)
        products = (_row_products(config, dataset, seed) for dataset, seed in held)
        means.append(SignedMeans(products, len(held), SignStream(config.root_seed, n_samples)))
    return means


def _normal_means(
    config: Config, columns: Sequence[tuple[Dataset, int]], inputs: MomentStore
) -> NormalMeans:
    """The same by its law: each dataset and seed has a stream of its own."""
    rngs = [
        generator(config.root_seed, role="split_law", seed=seed, **dataset.axes)
        for dataset, seed in columns
    ]
    return NormalMeans(inputs.gather(list(columns), "product_variance"), rngs)


def _row_products(config: Config, dataset: Dataset, seed: int) -> np.ndarray:
    """Products (P, n) of a dataset's rows."""
    d = dataset.model.n_features
    of_rows = np.empty((d * (d + 1) // 2 + d, dataset.n_samples))
    first = 0
    for x, y in rows(dataset, config.root_seed, seed):
        of_rows[:, first : first + len(y)] = products(x, y)
        first += len(y)
    return of_rows


def _by_cell(batch: Sequence[Run], path: Trajectory) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """What to keep of a batch's path, cell by cell; the run axis is the last one."""
    positions: dict[int, list[int]] = defaultdict(list)
    for position, run_ in enumerate(batch):
        positions[run_.index].append(position)
    for index, runs in positions.items():
        kept = slice(None) if batch[runs[0]].wanted else slice(-1, None)
        steps = np.array(path.steps[kept])
        yield (
            index,
            {
                "seeds": np.array([batch[position].seed for position in runs]),
                "steps": np.repeat(steps[:, None], len(runs), axis=1),
                "phi": path.phi[kept][..., runs].numpy(),
                "penalty": path.penalty[kept][:, runs].numpy(),
                "diverged_at": path.diverged_at[runs].numpy(),
                **{f"extras/{name}": v[runs].numpy() for name, v in path.extras.items()},
            },
        )
