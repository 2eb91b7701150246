"""The random splits of a step, as the compiled loop (``compiled.py``) takes them.

They are drawn by their law in the loop itself (``split_law.py``), those of a step where it needs
them, and nothing of them goes through the memory; or they are splits of rows (``splits.py``), whose
D are computed some hundred steps ahead for all runs, and read from there.

``arrays`` are of a batch's runs, as the compiled ``kernel`` takes them: a function of values
(parameter, width) of a block of runs, the block's number and that of its environments, a step,
these arrays, the method's params (parameter, width), and slopes (parameter, width), which it adds
to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine import normals
from irm_bench.engine.problem import Slots
from irm_bench.engine.split_law import LawDraws
from irm_bench.engine.splits import SplitDraws
from irm_bench.machine_code import compiled
from irm_bench.theory.moments import unpacking

AddDraw = Callable[..., None]
AddDraws = Callable[..., None]

# Runs that advance together where draws are made in the loop: it costs more to enter the inner
# loops than caches gain, 64 took a quarter longer.
WIDTH_BY_LAW = 128


@dataclass(frozen=True)
class Places:
    """Where the runs of a problem, and their pairs, stand in blocks of ``width`` runs.

    Runs with more environments stand first. The last block is filled up with the last run again.
    ``runs`` (block, width) and ``pairs`` (block, environment, width) are numbers of runs and pairs;
    for an environment that a run lacks, the number after the last. ``counts`` (block, width) are
    the environments of each run, ``n_environments`` (block,) the most of a block.
    """

    runs: Tensor
    pairs: Tensor
    counts: Tensor
    n_environments: np.ndarray
    n_runs: int

    @classmethod
    def of(cls, slots: Slots, width: int) -> "Places":
        widths = torch.tensor(slots.widths)
        n_filled_up = -(-slots.n_runs // width) * width
        runs = torch.arange(n_filled_up).clamp(max=slots.n_runs - 1).view(-1, width)
        starts = (widths.cumsum(0) - widths)[:, None]
        is_there = runs[:, None] < widths[:, None]
        pairs = torch.where(is_there, starts + runs[:, None], widths.sum())
        counts = is_there.sum(dim=1)
        return cls(runs, pairs, counts, counts[:, 0].numpy(), slots.n_runs)

    def of_runs(self, rows: Tensor) -> Tensor:
        """Numbers (…, run) as (block, …, width), in memory of their own."""
        return rows[..., self.runs].movedim(-2, 0).contiguous()

    def of_pairs(self, rows: Tensor) -> Tensor:
        """Numbers (…, pair) as (block, environment, …, width).

        Zeros stand for an environment that a run lacks: they add nothing.
        """
        filled_up = torch.cat([rows, rows.new_zeros(*rows.shape[:-1], 1)], dim=-1)
        return filled_up[..., self.pairs].movedim((-3, -2), (0, 1)).contiguous()

    def put_back(self, blocks: Tensor) -> Tensor:
        """Numbers (block, row, width) as (row, run)."""
        n_blocks, n_rows, width = blocks.shape
        return blocks.movedim(0, 1).reshape(n_rows, n_blocks * width)[:, : self.n_runs]


class LoopDraws(Protocol):
    """What a compiled loop adds to its slopes in each step.

    ``width`` are the runs that advance together, None where it is no matter.
    """

    width: int | None

    def stretches(self, steps: range) -> Sequence[range]:
        """Steps in parts, for each of which arrays are asked for anew."""
        ...

    def arrays(self, places: Places, steps: range, runs: Tensor) -> tuple[Any, ...]:
        """What the kernel needs in these steps, of these runs."""
        ...

    @staticmethod
    def kernel(d: int, width: int, make_add_draw: Callable[[], AddDraw]) -> AddDraws:
        """What is added in a step, compiled.

        ``make_add_draw`` compiles what an environment's draw adds, by a method's ``draw_kernel``.
        """
        ...


class NoDraws:
    """Where nothing is drawn."""

    width: int | None = None

    def stretches(self, steps: range) -> Sequence[range]:
        return [steps]

    def arrays(self, places: Places, steps: range, runs: Tensor) -> tuple[Any, ...]:
        return ()

    @staticmethod
    def kernel(d: int, width: int, make_add_draw: Callable[[], AddDraw]) -> AddDraws:
        return compiled(_add_nothing)


def _add_nothing(values, block, n_environments, step, arrays, params, slopes):  # type: ignore[no-untyped-def]
    """Where nothing is drawn."""


class DrawsByLaw:
    """Draws by their law, made in the loop from each pair's keys and roots."""

    width: int | None = WIDTH_BY_LAW

    def __init__(self, draws: LawDraws):
        self._draws = draws

    def stretches(self, steps: range) -> Sequence[range]:
        return [steps]

    def arrays(self, places: Places, steps: range, runs: Tensor) -> tuple[Any, ...]:
        keys, roots = (places.of_pairs(torch.from_numpy(s)) for s in self._draws.streams(runs))
        n_products, width = self._draws.n_products, places.runs.shape[1]
        return keys.numpy(), roots.numpy(), *normals.memory(n_products, width)

    @staticmethod
    def kernel(d: int, width: int, make_add_draw: Callable[[], AddDraw]) -> AddDraws:
        draw, add_draw = normals.draw(), make_add_draw()
        rows, twice, once = _entries(d)

        def add_draws(values, block, n_environments, step, arrays, params, slopes):  # type: ignore[no-untyped-def]
            keys, roots, places, halves, normals = arrays
            drawn = np.empty((d * d + d, width), np.float32)
            phi = np.empty((d, width), np.float32)
            for i in range(d):
                for k in range(width):
                    phi[i, k] = values[i, k]
            for e in range(n_environments):
                draw(keys[block, e], roots[block, e], step, rows, places, halves, normals, drawn)
                for i in range(len(twice)):
                    for k in range(width):
                        drawn[twice[i], k] = drawn[once[i], k]
                gram = drawn[: d * d].reshape((d, d, width))
                add_draw(phi, gram, drawn[d * d :], params, slopes)

        return compiled(add_draws)


class DrawsOfRows:
    """Splits of rows: their D (step, P, column) are read where a pair's column stands."""

    width: int | None = None

    def __init__(self, draws: SplitDraws):
        self._draws = draws

    def stretches(self, steps: range) -> Sequence[range]:
        ahead = self._draws.ahead
        starts = [steps.start, *range(steps.start - steps.start % ahead + ahead, steps.stop, ahead)]
        return list(map(range, starts, [*starts[1:], steps.stop]))

    def arrays(self, places: Places, steps: range, runs: Tensor) -> tuple[Any, ...]:
        columns = torch.from_numpy(self._draws.columns(runs))
        of_places = places.of_pairs(columns + 1) - 1  # −1 for an environment that a run lacks
        return self._draws.sums(steps), of_places.numpy(), steps.start

    @staticmethod
    def kernel(d: int, width: int, make_add_draw: Callable[[], AddDraw]) -> AddDraws:
        add_draw = make_add_draw()
        rows, twice, once = _entries(d)

        def add_draws(values, block, n_environments, step, arrays, params, slopes):  # type: ignore[no-untyped-def]
            sums, columns, first_step = arrays
            t = step - first_step
            drawn = np.empty((d * d + d, width), values.dtype)
            for e in range(n_environments):
                for p in range(len(rows)):
                    for k in range(width):
                        column = columns[block, e, k]
                        is_there = column >= 0
                        drawn[rows[p], k] = sums[t, p, column] if is_there else 0.0
                for i in range(len(twice)):
                    for k in range(width):
                        drawn[twice[i], k] = drawn[once[i], k]
                gram = drawn[: d * d].reshape((d, d, width))
                add_draw(values, gram, drawn[d * d :], params, slopes)

        return compiled(add_draws)


def _entries(d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where products stand among the entries (d·d + d) of gram and cross.

    The first place of each product (P,), the places of those that stand twice, and where these
    stand first.
    """
    entries = unpacking(d)
    rows = np.unique(entries, return_index=True)[1]
    twice = np.setdiff1d(np.arange(len(entries)), rows)
    return rows, twice, rows[entries[twice]]
