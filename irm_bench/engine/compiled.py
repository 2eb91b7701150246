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
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irm_bench.engine import normals
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
# The keys and roots of the draws, where there are none.
NO_STREAMS = np.empty((2, 0), np.uint64), np.empty((0, 0), np.float32)


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
        streams = NO_STREAMS if law is None else law.streams(runs)
        n_runs = parameters.shape[-1]
        stepped = _copied(parameters.reshape(-1, n_runs))
        rows = [parameters.new_empty(0, n_runs)]  # plain gradient descent remembers nothing
        rows.extend(part.reshape(-1, n_runs) for part in memory)
        remembered = _copied(torch.cat(rows))
        loop(
            stepped,
            remembered,
            _array(problem.moments.gram),
            _array(problem.moments.cross),
            np.array(problem.slots.widths),
            _params(method, problem),
            _params(optimiser, problem),
            _array(problem.learning_rate[None]),
            steps.start,
            len(steps),
            *streams,
            *normals.memory(d * (d + 1) // 2 + d, width),
        )
        return torch.from_numpy(stepped).view(parameters.shape), _parts(remembered, memory)

    return advance


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.contiguous().numpy()


def _copied(tensor: Tensor) -> np.ndarray:
    """A contiguous array of its own, which may be written to."""
    return np.array(tensor.numpy(), order="C")


def _params(plugin: ModuleType, problem: Problem) -> np.ndarray:
    """The parameters of a method or optimiser (parameter, run), in the order of its PARAMS."""
    values = [problem.params[name].numpy() for name in getattr(plugin, "PARAMS", {})]
    of_runs = problem.learning_rate.numpy()
    return np.array(values, of_runs.dtype).reshape(len(values), len(of_runs))


def _parts(remembered: np.ndarray, memory: Memory) -> Memory:
    """Rows (…, run) cut into what an optimiser remembers, in the shapes of ``memory``."""
    tensors = []
    first = 0
    for before in memory:
        n_rows = before[..., :1].numel()
        rows = torch.from_numpy(remembered[first : first + n_rows])
        tensors.append(rows.view(before.shape))
        first += n_rows
    return tuple(tensors)


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
    from numba import njit  # half a second, which other routes need not spend

    compile_ = njit(error_model="numpy")
    of_penalty = [] if penalty is None else [compile_(penalty.kernel())]
    gradient = compile_(method.kernel(n_features, width, *of_penalty))
    update = compile_(optimiser.kernel(width))
    take, put_back, take_moments = (compile_(f) for f in (_take, _put_back, _take_moments))
    draw_all = compile_(_draw_none)
    if takes_draws and penalty is not None:
        of_draw = compile_(penalty.draw_kernel())
        add_draw = compile_(method.draw_kernel(n_features, width, of_draw))
        draw_all = compile_(_draw_all_of(n_features, width, normals.draw(), add_draw))
    take_streams = compile_(_take_streams)

    @compile_
    def loop(  # type: ignore[no-untyped-def]
        parameters,
        memory,
        gram,
        cross,
        widths,
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
        n_features, n_runs, precision = len(cross), parameters.shape[1], parameters.dtype
        values = np.empty((len(parameters), width), precision)
        slopes = np.empty((len(parameters), width), precision)
        kept = np.empty((len(memory), width), precision)
        grams = np.empty((len(widths), n_features, n_features, width), precision)
        crosses = np.empty((len(widths), n_features, width), precision)
        of_method = np.empty((len(method_params), width), precision)
        of_optimiser = np.empty((len(optimiser_params), width), precision)
        rate = np.empty((1, width), precision)
        counts = np.empty(width, precision)  # of environments
        streams = np.empty((len(widths), 2, width), np.uint64)
        all_roots = np.empty((len(widths), len(roots), width), np.float32)
        for first in range(0, n_runs, width):
            take(parameters, first, values)
            take(memory, first, kept)
            take(method_params, first, of_method)
            take(optimiser_params, first, of_optimiser)
            take(rates, first, rate)
            n = take_moments(gram, cross, widths, first, grams, crosses, counts)
            take_streams(keys, roots, widths, first, streams, all_roots)
            for step in range(first_step, first_step + n_steps):
                gradient(values, grams[:n], crosses[:n], counts, of_method, slopes)
                draw_all(
                    values,
                    step,
                    streams[:n],
                    all_roots[:n],
                    of_method,
                    (places, halves, normals),
                    slopes,
                )
                update(values, slopes, kept, rate[0], of_optimiser)
            put_back(values, first, parameters)
            put_back(kept, first, memory)

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


# For numba, element by element: it takes twice as long to compile slices and sums of arrays.


def _take(rows, first, out):  # type: ignore[no-untyped-def]
    """Copy runs of rows (…, run) to out (…, width), the last one again where there are no more."""
    for k in range(out.shape[1]):
        run = min(first + k, rows.shape[1] - 1)
        for i in range(len(rows)):
            out[i, k] = rows[i, run]


def _put_back(rows, first, out):  # type: ignore[no-untyped-def]
    """Copy rows (…, width) to the runs that they were taken from."""
    for k in range(min(rows.shape[1], out.shape[1] - first)):
        for i in range(len(rows)):
            out[i, first + k] = rows[i, k]


def _take_moments(gram, cross, widths, first, grams, crosses, counts):  # type: ignore[no-untyped-def]
    """Copy the moments of some runs, environment by environment; how many of these there are.

    Runs with more environments stand first. Moments of zero, of one that a run lacks, add nothing.
    """
    n_features, n_runs = len(cross), widths[0]
    n_environments = 0
    for e in range(len(widths)):
        n_environments += widths[e] > first
    for k in range(len(counts)):
        run = min(first + k, n_runs - 1)
        counts[k] = 0
        start = 0  # of an environment's runs
        for e in range(n_environments):
            is_there = run < widths[e]
            counts[k] += is_there
            for i in range(n_features):
                crosses[e, i, k] = cross[i, start + run] if is_there else 0.0
                for j in range(n_features):
                    grams[e, i, j, k] = gram[i, j, start + run] if is_there else 0.0
            start += widths[e]
    return n_environments


def _take_streams(keys, roots, widths, first, streams, all_roots):  # type: ignore[no-untyped-def]
    """Copy the keys and roots of some runs, environment by environment.

    Roots of zero, of an environment that a run lacks, draw zeros.
    """
    if len(roots) == 0:
        return
    for k in range(streams.shape[2]):
        run = min(first + k, widths[0] - 1)
        start = 0  # of an environment's runs
        for e in range(len(widths)):
            is_there = run < widths[e]
            pair = start + run if is_there else 0
            for i in range(2):
                streams[e, i, k] = keys[i, pair]
            for i in range(len(roots)):
                all_roots[e, i, k] = roots[i, pair] if is_there else np.float32(0)
            start += widths[e]
