"""Many updates in one compiled loop, for methods and optimisers that write theirs for it.

A call of torch costs as much as some thousand additions, and an update of a few hundred runs makes
a hundred calls. Here numba compiles a method's ``kernel`` and an optimiser's into one loop, which
takes ``WIDTH`` runs at a time through many updates: what they need stays in a core's own cache, and
runs are the axis that the processor's vectors lie along.

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

from irm_bench.engine.problem import Problem

# Runs that advance together: their moments and what Adam remembers of 100 parameters take up
# 260 kB. With fewer it costs too much to enter the inner loops; 96 gained little more.
WIDTH = 64

# To compile takes seconds, in which torch makes some thousand updates: fewer go one by one.
# The number of runs has no say, so that a run takes the same route in every shard.
FEWEST_UPDATES = 5000

Memory = tuple[Tensor, ...]
# (parameters, memory, problem, number of updates) → parameters and memory after them
Advance = Callable[[Tensor, Memory, Problem, int], tuple[Tensor, Memory]]


def advance_of(
    method: ModuleType, penalty: ModuleType, optimiser: ModuleType, problem: Problem
) -> Advance | None:
    """Many updates at once, where all that is trained on has a ``kernel``, else None.

    It is for moments on the CPU: other devices, and losses through rows, go step by step.
    """
    trained_on = penalty if getattr(method, "TAKES_PENALTY", False) else None
    is_here = problem.start.device.type == "cpu" and problem.row_loss is None
    plugins = [method, optimiser] if trained_on is None else [method, optimiser, trained_on]
    if not (is_here and all(hasattr(plugin, "kernel") for plugin in plugins)):
        return None

    def advance(
        parameters: Tensor, memory: Memory, problem: Problem, n_steps: int
    ) -> tuple[Tensor, Memory]:
        loop = _loop(method, trained_on, optimiser, len(problem.start))
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
            n_steps,
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
    return np.array(values, dtype=float).reshape(len(values), problem.slots.n_runs)


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
    method: ModuleType, penalty: ModuleType | None, optimiser: ModuleType, n_features: int
) -> Callable[..., Any]:
    """The compiled loop of a method, its penalty if it takes one, and an optimiser."""
    from numba import njit  # half a second, which other routes need not spend

    compile_ = njit(error_model="numpy")
    of_penalty = [] if penalty is None else [compile_(penalty.kernel())]
    gradient = compile_(method.kernel(n_features, WIDTH, *of_penalty))
    update = compile_(optimiser.kernel(WIDTH))
    take, put_back, take_moments = (compile_(f) for f in (_take, _put_back, _take_moments))

    @compile_
    def loop(  # type: ignore[no-untyped-def]
        parameters, memory, gram, cross, widths, method_params, optimiser_params, rates, n_steps
    ):
        n_features, n_runs = len(cross), parameters.shape[1]
        values = np.empty((len(parameters), WIDTH))
        slopes = np.empty((len(parameters), WIDTH))
        kept = np.empty((len(memory), WIDTH))
        grams = np.empty((len(widths), n_features, n_features, WIDTH))
        crosses = np.empty((len(widths), n_features, WIDTH))
        of_method = np.empty((len(method_params), WIDTH))
        of_optimiser = np.empty((len(optimiser_params), WIDTH))
        rate = np.empty((1, WIDTH))
        counts = np.empty(WIDTH)  # of environments
        for first in range(0, n_runs, WIDTH):
            take(parameters, first, values)
            take(memory, first, kept)
            take(method_params, first, of_method)
            take(optimiser_params, first, of_optimiser)
            take(rates, first, rate)
            n = take_moments(gram, cross, widths, first, grams, crosses, counts)
            for _ in range(n_steps):
                gradient(values, grams[:n], crosses[:n], counts, of_method, slopes)
                update(values, slopes, kept, rate[0], of_optimiser)
            put_back(values, first, parameters)
            put_back(kept, first, memory)

    return loop


# For numba, element by element: it takes twice as long to compile slices and sums of arrays.


def _take(rows, first, out):  # type: ignore[no-untyped-def]
    """Copy ``WIDTH`` runs of rows (…, run), the last one again where there are no more."""
    for k in range(WIDTH):
        run = min(first + k, rows.shape[1] - 1)
        for i in range(len(rows)):
            out[i, k] = rows[i, run]


def _put_back(rows, first, out):  # type: ignore[no-untyped-def]
    """Copy rows (…, WIDTH) to the runs that they were taken from."""
    for k in range(min(WIDTH, out.shape[1] - first)):
        for i in range(len(rows)):
            out[i, first + k] = rows[i, k]


def _take_moments(gram, cross, widths, first, grams, crosses, counts):  # type: ignore[no-untyped-def]
    """Copy the moments of ``WIDTH`` runs, environment by environment; how many of these there are.

    Runs with more environments stand first. Moments of zero, of one that a run lacks, add nothing.
    """
    n_features, n_runs = len(cross), widths[0]
    n_environments = 0
    for e in range(len(widths)):
        n_environments += widths[e] > first
    for k in range(WIDTH):
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
