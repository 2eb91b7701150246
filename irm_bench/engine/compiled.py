"""Many updates in one compiled loop, for methods and optimisers that write theirs for it.

A call of torch costs as much as some thousand additions, and an update of a few hundred runs makes
a hundred calls. Here numba compiles a method's ``kernel`` and an optimiser's into one loop, which
takes some dozens of runs at a time through many updates: what they need stays in a core's own
cache, and runs are the axis that the processor's vectors lie along.

Random splits are added to the slopes by what ``compiled_draws.py`` makes of them.

Products and sums are rounded one by one (no fused multiply-add, no reordering), so a run's bits
depend on neither its neighbours nor the processor.
"""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine.compiled_draws import DrawsByLaw, DrawsOfRows, LoopDraws, NoDraws, Places
from irm_bench.engine.problem import Draws, Problem, Slots, no_draws
from irm_bench.engine.split_law import LawDraws
from irm_bench.engine.splits import SplitDraws
from irm_bench.machine_code import compiled, kept

# Runs that advance together in double precision, and twice as many in single: their moments and
# what Adam remembers of 100 parameters take up 260 kB. With fewer it costs too much to enter the
# inner loops; 96 in double gained little more.
WIDTH = 64

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
    of_splits: LoopDraws | None = NoDraws()
    if "splits" in getattr(trained_on, "NEEDS", ()):
        of_splits = _taken_by_kernels(draws, method, penalty)
    if of_splits is None:
        return None

    def advance(
        parameters: Tensor, memory: Memory, problem: Problem, steps: range, runs: Tensor
    ) -> tuple[Tensor, Memory]:
        width = of_splits.width or WIDTH * 8 // parameters.element_size()
        loop = _loop(method, trained_on, optimiser, type(of_splits), len(problem.start), width)
        slots, gram, cross = _moments(problem)
        places = Places.of(slots, width)
        n_runs = parameters.shape[-1]
        values = places.of_runs(parameters.reshape(-1, n_runs))
        rows = [parameters.new_empty(0, n_runs)]  # plain gradient descent remembers nothing
        rows.extend(part.reshape(-1, n_runs) for part in memory)
        remembered = places.of_runs(torch.cat(rows))
        fixed = (
            places.of_pairs(gram).numpy(),
            places.of_pairs(cross).numpy(),
            places.n_environments,
            places.counts.to(parameters.dtype).numpy(),
            places.of_runs(_params(method, problem)).numpy(),
            places.of_runs(_params(optimiser, problem)).numpy(),
            places.of_runs(problem.learning_rate).numpy(),
        )
        for part in of_splits.stretches(steps):
            drawn_from = of_splits.arrays(places, part, runs)
            loop(values.numpy(), remembered.numpy(), *fixed, part.start, len(part), drawn_from)
        stepped = places.put_back(values).view(parameters.shape)
        return stepped, _parts(places.put_back(remembered), memory)

    return advance


def _moments(problem: Problem) -> tuple[Slots, Tensor, Tensor]:
    """What a kernel takes as gram and cross, and the slots of their pairs.

    Of a gradient that is one polynomial in φ, all its coefficients, as of one environment.
    """
    if problem.cubic is None:
        return problem.slots, problem.moments.gram, problem.moments.cross
    n_runs = problem.slots.n_runs
    return Slots((n_runs,)), problem.cubic, problem.cubic.new_empty(0, n_runs)


def _taken_by_kernels(draws: Draws, method: ModuleType, penalty: ModuleType) -> LoopDraws | None:
    """The draws as a loop takes them, if method and penalty have a ``draw_kernel``, else None."""
    if not all(hasattr(plugin, "draw_kernel") for plugin in (method, penalty)):
        return None
    if isinstance(draws, LawDraws):
        return DrawsByLaw(draws)
    return DrawsOfRows(draws) if isinstance(draws, SplitDraws) else None


def _params(plugin: ModuleType, problem: Problem) -> Tensor:
    """The parameters of a method or optimiser (parameter, run), in the order of its PARAMS."""
    of_runs = problem.learning_rate
    rows = [of_runs.new_empty(0, len(of_runs))]  # plain gradient descent has none
    rows.extend(
        problem.params[name].to(of_runs.dtype)[None] for name in getattr(plugin, "PARAMS", {})
    )
    return torch.cat(rows)


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
    of_splits: type[LoopDraws],
    n_features: int,
    width: int,
) -> Callable[..., Any]:
    """The compiled loop of a method, its penalty if it takes one, an optimiser, and draws.

    It advances ``width`` runs together, in the precision of the parameters that it is given.
    """
    of_penalty = [] if penalty is None else [compiled(penalty.kernel())]
    gradient = compiled(method.kernel(n_features, width, *of_penalty))
    update = compiled(optimiser.kernel(width))

    def add_draw() -> Callable[..., None]:
        of_value = compiled(penalty.draw_kernel())  # type: ignore[union-attr]
        return compiled(method.draw_kernel(n_features, width, of_value))

    add_draws = of_splits.kernel(n_features, width, add_draw)

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
        drawn_from,
    ):
        slopes = np.empty((values.shape[1], width), values.dtype)
        for b in range(len(values)):
            n = n_environments[b]
            for step in range(first_step, first_step + n_steps):
                gradient(
                    values[b], grams[b, :n], crosses[b, :n], counts[b], method_params[b], slopes
                )
                add_draws(values[b], b, n, step, drawn_from, method_params[b], slopes)
                update(values[b], slopes, memory[b], rates[b], optimiser_params[b])

    return loop
