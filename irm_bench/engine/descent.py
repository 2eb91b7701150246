"""The batched optimiser: all runs of a job advance together, from moments, in torch.

Layout and symbols as in ``problem.py``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from irm_bench.engine.problem import (
    AnySlope,
    Draw,
    Draws,
    Gradient,
    Penalty,
    Problem,
    Quadratic,
    no_draws,
)
from irm_bench.engine.signs import BLOCK


@dataclass(frozen=True)
class Path:
    """What training left: φ (K, d, run) and penalty (K, run) after ``steps[k]`` updates.

    ``diverged_at`` (run,) is the number of updates after which φ was first not finite, −1 where it
    stayed finite; from there on the records of that run are NaN. ``extras`` (run,) are what the
    method reports of a run besides.
    """

    steps: Sequence[int]
    phi: Tensor
    penalty: Tensor
    diverged_at: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)


class Recorder:
    """Collects a path at the steps asked for."""

    def __init__(self, problem: Problem, penalty: Penalty, steps: Iterable[int]):
        self.steps = sorted(set(steps))
        d, n_runs = problem.start.shape
        shape = (len(self.steps), d, n_runs)
        nan = float("nan")
        self._phi = problem.start.new_full(shape, nan)
        self._penalty = problem.start.new_full((shape[0], n_runs), nan)
        self._diverged_at = torch.full((n_runs,), -1, device=problem.start.device)
        self._rows = {step: row for row, step in enumerate(self.steps)}
        self._estimate = penalty

    def wants(self, step: int) -> bool:
        return step in self._rows

    def record(
        self, step: int, slope: AnySlope, problem: Problem, draw: Draw, runs: Tensor
    ) -> None:
        row = self._rows[step]
        self._phi[row, :, runs] = slope.phi[:, : len(runs)]
        value = self._estimate(slope, problem, draw)
        self._penalty[row, runs] = problem.slots.total(value)

    def diverged(self, runs: Tensor, steps: Tensor) -> None:
        self._diverged_at[runs] = steps
        for run, step in zip(runs.tolist(), steps.tolist(), strict=True):
            late = [row for row, recorded in enumerate(self.steps) if recorded >= step]
            self._phi[late, :, run] = float("nan")
            self._penalty[late, run] = float("nan")

    def path(self) -> Path:
        return Path(self.steps, self._phi, self._penalty, self._diverged_at)


@dataclass(frozen=True)
class Route:
    """How a method descends: along what, by which optimiser, and what φ its parameters are.

    ``guard`` is the mode of torch in which steps run; a gradient that torch has to find itself
    needs one that still records, where it asks for it.
    """

    gradient: Gradient
    optimiser: Any
    predictor: Callable[[Tensor], Tensor] = lambda parameters: parameters
    guard: Callable[[], Any] = torch.inference_mode


@dataclass(frozen=True)
class State:
    """Where the runs that are left stand: parameters (…, run) and what the optimiser remembers."""

    parameters: Tensor
    memory: tuple[Tensor, ...]

    def select(self, keep: Tensor) -> "State":
        return State(self.parameters[..., keep], tuple(part[..., keep] for part in self.memory))

    @property
    def finite(self) -> Tensor:
        """Which runs have nothing but finite parameters: (run,)."""
        return torch.isfinite(self.parameters).flatten(0, -2).all(dim=0)


def descend(
    problem: Problem,
    route: Route,
    parameters: Tensor,
    penalty: Penalty,
    n_steps: int,
    record: Iterable[int],
    draws: Draws = no_draws,
) -> Path:
    """Descent of every run of the problem from its parameters (…, run), ``n_steps`` updates.

    ``record`` lists the numbers of updates after which φ and the penalty (estimated with the draw
    of the update to come) are kept; ``n_steps`` itself is always among them. A run whose parameters
    stop being finite is flagged with the step, taken out, and changes nothing for the others.
    """
    recorder = Recorder(problem, penalty, [*record, n_steps])
    runs = torch.arange(problem.slots.n_runs, device=problem.start.device)
    with route.guard():
        state = State(parameters, route.optimiser.init(parameters))
        for first in range(0, n_steps, BLOCK):
            steps = range(first, min(first + BLOCK, n_steps))
            before = state
            for step in steps:
                state = _update(state, step, problem, route, draws, runs, recorder)
            finite = state.finite
            if not finite.all():
                _flag(before, steps, finite, problem, route, draws, runs, recorder)
                keep = finite.nonzero().squeeze(1)
                runs, state = runs[keep], state.select(keep)
                if not len(runs):
                    return recorder.path()
                problem = problem.select(keep)
        slope = problem.slope(route.predictor(state.parameters))
        recorder.record(n_steps, slope, problem, partial(draws, n_steps, runs), runs)
    return recorder.path()


def _update(
    state: State,
    step: int,
    problem: Problem,
    route: Route,
    draws: Draws,
    runs: Tensor,
    recorder: Recorder | None,
) -> State:
    draw = partial(draws, step, runs)
    parameters = state.parameters
    if recorder is not None and recorder.wants(step):
        slope = problem.slope(route.predictor(parameters))
        recorder.record(step, slope, problem, draw, runs)
    gradient = route.gradient(parameters, problem, draw)
    updated, memory = route.optimiser.update(
        parameters, gradient, state.memory, step, problem.learning_rate, problem.params
    )
    return State(updated, memory)


def _flag(
    state: State,
    steps: range,
    finite: Tensor,
    problem: Problem,
    route: Route,
    draws: Draws,
    runs: Tensor,
    recorder: Recorder,
) -> None:
    """Run a block once more to find the step at which each of its runs diverged."""
    diverged_at = torch.zeros(len(runs), dtype=torch.long, device=runs.device)
    for step in steps:
        state = _update(state, step, problem, route, draws, runs, None)
        new = ~state.finite & (diverged_at == 0)
        diverged_at[new] = step + 1
    recorder.diverged(runs[~finite], diverged_at[~finite])


class Selected:
    """The draws of a batch, for a selection of its runs."""

    def __init__(self, draws: Draws, runs: Tensor):
        self._draws = draws
        self._runs = runs

    def __call__(self, step: int, runs: Tensor) -> Quadratic:
        return self._draws(step, self._runs[runs])


def join(parts: Sequence[tuple[Tensor, Path]], n_runs: int) -> Path:
    """Paths of disjoint selections of runs, as the path of the whole batch."""
    first = parts[0][1]
    phi = first.phi.new_empty((*first.phi.shape[:2], n_runs))
    penalty = first.penalty.new_empty((len(first.penalty), n_runs))
    diverged_at = first.diverged_at.new_empty(n_runs)
    for runs, path in parts:
        phi[..., runs] = path.phi
        penalty[:, runs] = path.penalty
        diverged_at[runs] = path.diverged_at
    return Path(first.steps, phi, penalty, diverged_at)


def evaluate_path(
    problem: Problem,
    phi_at: Callable[[int], Tensor],
    penalty: Penalty,
    record: Iterable[int],
    draws: Draws = no_draws,
) -> Path:
    """The path of a predictor known in closed form: ``phi_at(step)`` gives φ (d, run)."""
    recorder = Recorder(problem, penalty, record)
    runs = torch.arange(problem.slots.n_runs, device=problem.start.device)
    with torch.inference_mode():  # as in ``descend``: draws may serve both
        for step in recorder.steps:
            slope = problem.slope(phi_at(step))
            recorder.record(step, slope, problem, partial(draws, step, runs), runs)
    return recorder.path()
