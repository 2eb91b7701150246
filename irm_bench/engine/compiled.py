"""Many updates in one compiled loop, for methods and optimisers that write theirs for it.

A call of torch costs as much as some thousand additions, and an update of a few hundred runs makes
a hundred calls. Here numba compiles a method's ``kernel`` and an optimiser's into one loop, which
takes some dozens of runs at a time through many updates: what they need stays in a core's own
cache, and runs are the axis that the processor's vectors lie along.

Splits that are drawn by their law (``split_law.py``) are drawn in the loop too, those of a step
where it needs them: nothing of them goes through the memory.

Products and sums are rounded one by one (no fused multiply-add, no reordering), so a run's bits
depend on neither its neighbours nor the processor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine import normals
from irm_bench.engine.machine_code import compiled, kept
from irm_bench.engine.problem import Draws, Problem, no_draws
from irm_bench.engine.split_law import LawDraws
from irm_bench.theory.moments import unpacking

# Runs that advance together in double precision, and twice as many in single: their moments and
# what Adam remembers of 100 parameters take up 260 kB. With fewer it costs too much to enter the
# inner loops; 96 in double gained little more.
WIDTH = 64
# With draws it costs more to enter the loops than caches gain: 64 took a quarter longer.
WIDTH_OF_DRAWS = 128

# To compile takes seconds, in which torch makes some thousand updates: fewer go one by one.
# The number of runs has no say, so that a run takes the same route in every shard.
FEWEST_UPDATES = 5000

Memory = tuple[Tensor, ...]
# (parameters, memory, problem, steps, runs) → parameters and memory after these steps of the runs
Advance = Callable[[Tensor, Memory, Problem, range, Tensor], tuple[Tensor, Memory]]


def advance_of(
    method: ModuleType,
    penalty: ModuleType,
    optimiser: ModuleType,
    problem: Problem,
    draws: Draws = no_draws,
) -> Advance | None:
    """Many updates at once, where all that is trained on has a ``kernel``, else None.

    It is for moments on the CPU: other devices, and losses through rows, go step by step.
    """
    trained_on = penalty if getattr(method, "TAKES_PENALTY", False) else None
    is_here = problem.start.device.type == "cpu" and problem.row_loss is None
    plugins = [method, optimiser] if trained_on is None else [method, optimiser, trained_on]
    if not (is_here and all(hasattr(plugin, "kernel") for plugin in plugins)):
        return None
    needs_draws = "splits" in getattr(trained_on, "NEEDS", ())
    law = draws if needs_draws and isinstance(draws, LawDraws) else None
    draw_kernels = all(hasattr(plugin, "draw_kernel") for plugin in (method, penalty))
    if needs_draws and (law is None or not draw_kernels):
        return None

    def advance(
        parameters: Tensor, memory: Memory, problem: Problem, steps: range, runs: Tensor
    ) -> tuple[Tensor, Memory]:
        d = len(problem.start)
        width = WIDTH_OF_DRAWS if needs_draws else WIDTH * 8 // parameters.element_size()
        loop = _loop(method, trained_on, optimiser, d, width, needs_draws)
        places = Places.of(problem, width)
        n_runs = parameters.shape[-1]
        values = places.of_runs(parameters.reshape(-1, n_runs))
        rows = [parameters.new_empty(0, n_runs)]  # plain gradient descent remembers nothing
        rows.extend(part.reshape(-1, n_runs) for part in memory)
        remembered = places.of_runs(torch.cat(rows))
        keys, roots = _no_streams(problem) if law is None else law.streams(runs)
        loop(
            values.numpy(),
            remembered.numpy(),
            places.of_pairs(problem.moments.gram).numpy(),
            places.of_pairs(problem.moments.cross).numpy(),
            places.n_environments,
            places.counts.to(parameters.dtype).numpy(),
            places.of_runs(_params(method, problem)).numpy(),
            places.of_runs(_params(optimiser, problem)).numpy(),
            places.of_runs(problem.learning_rate).numpy(),
            steps.start,
            len(steps),
            places.of_pairs(torch.from_numpy(keys)).numpy(),
            places.of_pairs(torch.from_numpy(roots)).numpy(),
            *normals.memory(d * (d + 1) // 2 + d, width),
        )
        stepped = places.put_back(values).view(parameters.shape)
        return stepped, _parts(places.put_back(remembered), memory)

    return advance


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
    def of(cls, problem: Problem, width: int) -> "Places":
        widths = torch.tensor(problem.slots.widths)
        n_runs = problem.slots.n_runs
        runs = torch.arange(-(-n_runs // width) * width).clamp(max=n_runs - 1).view(-1, width)
        starts = (widths.cumsum(0) - widths)[:, None]
        is_there = runs[:, None] < widths[:, None]
        pairs = torch.where(is_there, starts + runs[:, None], widths.sum())
        counts = is_there.sum(dim=1)
        return cls(runs, pairs, counts, counts[:, 0].numpy(), n_runs)

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


def _no_streams(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """The keys and roots of the pairs' draws, where there are none."""
    n_pairs = problem.moments.cross.shape[-1]
    return np.zeros((0, n_pairs), np.uint64), np.zeros((0, n_pairs), np.float32)


def _params(plugin: ModuleType, problem: Problem) -> Tensor:
    """The parameters of a method or optimiser (parameter, run), in the order of its PARAMS."""
    values = [problem.params[name] for name in getattr(plugin, "PARAMS", {})]
    of_runs = problem.learning_rate
    return (
        torch.stack([v.to(of_runs.dtype) for v in values])
        if values
        else of_runs.new_empty(0, len(of_runs))
    )


def _parts(remembered: Tensor, memory: Memory) -> Memory:
    """Rows (row, run) cut into what an optimiser remembers, in the shapes of ``memory``."""
    n_rows = [before[..., :1].numel() for before in memory]
    parts = remembered.split(n_rows)
    return tuple(part.view(before.shape) for part, before in zip(parts, memory, strict=True))


@cache
def _loop(
    method: ModuleType,
    penalty: ModuleType | None,
    optimiser: ModuleType,
    n_features: int,
    width: int,
    takes_draws: bool,
) -> Callable[..., Any]:
    """The compiled loop of a method, its penalty if it takes one, and an optimiser.

    It advances ``width`` runs together, in the precision of the parameters that it is given.
    """
    of_penalty = [] if penalty is None else [compiled(penalty.kernel())]
    gradient = compiled(method.kernel(n_features, width, *of_penalty))
    update = compiled(optimiser.kernel(width))
    draw_all = compiled(_draw_none)
    if takes_draws and penalty is not None:
        of_draw = compiled(penalty.draw_kernel())
        add_draw = compiled(method.draw_kernel(n_features, width, of_draw))
        draw_all = compiled(_draw_all_of(n_features, width, normals.draw(), add_draw))

    @kept
    def loop(  # type: ignore[no-untyped-def]
        values,
        memory,
        grams,
        crosses,
        n_environments,
        counts,
        method_params,
        optimiser_params,
        rates,
        first_step,
        n_steps,
        keys,
        roots,
        places,
        halves,
        normals,
    ):
        slopes = np.empty((values.shape[1], width), values.dtype)
        for b in range(len(values)):
            n = n_environments[b]
            for step in range(first_step, first_step + n_steps):
                gradient(
                    values[b], grams[b, :n], crosses[b, :n], counts[b], method_params[b], slopes
                )
                draw_all(
                    values[b],
                    step,
                    keys[b, :n],
                    roots[b, :n],
                    method_params[b],
                    (places, halves, normals),
                    slopes,
                )
                update(values[b], slopes, memory[b], rates[b], optimiser_params[b])

    return loop


def _draw_none(values, step, streams, roots, params, memory, slopes):  # type: ignore[no-untyped-def]
    """Where nothing is drawn."""


def _draw_all_of(
    d: int, width: int, draw: Callable[..., None], add_draw: Callable[..., None]
) -> Callable[..., None]:
    """What a step's draws add to the slopes (parameter, run), by a method's ``draw_kernel``."""
    entries = unpacking(d)
    # Where each product stands among the entries of gram and cross: the first place, if there are
    # two, and those that stand twice.
    rows = np.unique(entries, return_index=True)[1]
    twice = np.array([i for i in range(len(entries)) if i not in rows], dtype=np.int64)

    def draw_all(values, step, streams, roots, params, memory, slopes):  # type: ignore[no-untyped-def]
        places, halves, normals = memory
        drawn = np.empty((d * d + d, width), np.float32)
        phi = np.empty((d, width), np.float32)
        for i in range(d):
            for k in range(width):
                phi[i, k] = values[i, k]
        for e in range(len(streams)):
            draw(streams[e], roots[e], step, rows, places, halves, normals, drawn)
            for i in twice:
                for k in range(width):
                    drawn[i, k] = drawn[rows[entries[i]], k]
            gram = drawn[: d * d].reshape((d, d, width))
            add_draw(phi, gram, drawn[d * d :], params, slopes)

    return draw_all
