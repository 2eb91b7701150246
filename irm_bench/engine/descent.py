"""The batched optimiser: all runs of a job advance together, from moments, in torch.

Layout and symbols as in ``problem.py``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from irm_bench.engine.compiled import Advance, Memory
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

    ``optimiser`` is a module of ``plugins/optimisers``. ``guard`` is the mode of torch in which
    steps run; a gradient that torch has to find itself needs one that still records, where it asks
    for it. ``advance`` makes many updates at once, the same ones, where there is a compiled loop.
    ``precision`` is that of parameters and updates; what is recorded is computed in double.
    """

    gradient: Gradient
    optimiser: ModuleType
    predictor: Callable[[Tensor], Tensor] = lambda parameters: parameters
    guard: Callable[[], Any] = torch.inference_mode
    advance: Advance | None = None
    precision: torch.dtype = torch.float64


def finite_runs(parameters: Tensor) -> Tensor:
    """Which runs have nothing but finite parameters (…, run): (run,)."""
    return torch.isfinite(parameters).reshape(-1, parameters.shape[-1]).all(dim=0)


class Descent:
    """The runs of a problem on their way; those that diverge are taken out."""

    def __init__(
        self,
        problem: Problem,
        route: Route,
        parameters: Tensor,
        draws: Draws,
        recorder: Recorder,
    ):
        self._problem, self._draws, self._recorder = problem, draws, recorder
        self._trained = problem.cast(route.precision)
        self._gradient, self._update = route.gradient, route.optimiser.update
        self._predictor, self._advance = route.predictor, route.advance
        self._parameters = parameters.to(route.precision)
        self._memory: Memory = route.optimiser.init(self._parameters)
        self._runs = torch.arange(problem.slots.n_runs, device=problem.start.device)

    @property
    def is_over(self) -> bool:
        """Whether every run has diverged."""
        return not len(self._runs)

    def advance(self, steps: range) -> None:
        """Make updates number ``steps``, then take out the runs that they made diverge."""
        before = self._parameters, self._memory
        for stretch in self._stretches(steps):
            if self._recorder.wants(stretch.start):
                self.record(stretch.start)
            self._parameters, self._memory = self._many(
                self._parameters, self._memory, self._trained, stretch, self._runs
            )
        finite = finite_runs(self._parameters)
        if not finite.all():
            self._flag(*before, steps, (~finite).nonzero().squeeze(1))
            self._keep(finite.nonzero().squeeze(1))

    def record(self, step: int) -> None:
        """Keep what stands after ``step`` updates."""
        slope = self._problem.slope(self._predictor(self._parameters.double()))
        draw = partial(self._draws, step, self._runs)
        self._recorder.record(step, slope, self._problem, draw, self._runs)

    def _stretches(self, steps: range) -> list[range]:
        """Steps cut where something is recorded, or into single ones without a compiled loop."""
        if self._advance is None:
            return [range(step, step + 1) for step in steps]
        inner = [step for step in self._recorder.steps if steps.start < step < steps.stop]
        return list(map(range, [steps.start, *inner], [*inner, steps.stop]))

    def _many(
        self, parameters: Tensor, memory: Memory, problem: Problem, steps: range, runs: Tensor
    ) -> tuple[Tensor, Memory]:
        """Parameters and memory of runs after some steps."""
        if self._advance is not None:
            return self._advance(parameters, memory, problem, steps, runs)
        for step in steps:
            draw = partial(self._draws, step, runs)
            gradient = self._gradient(parameters, problem, draw)
            parameters, memory = self._update(
                parameters, gradient, memory, step, problem.learning_rate, problem.params
            )
        return parameters, memory

    def _flag(self, parameters: Tensor, memory: Memory, steps: range, lost: Tensor) -> None:
        """Make updates of the runs that they made diverge once more, to find each one's step."""
        parameters, memory = parameters[..., lost], tuple(part[..., lost] for part in memory)
        problem, runs = self._trained.select(lost), self._runs[lost]
        diverged_at = torch.zeros(len(lost), dtype=torch.long, device=lost.device)
        for step in steps:
            one = range(step, step + 1)
            parameters, memory = self._many(parameters, memory, problem, one, runs)
            diverged_at[~finite_runs(parameters) & (diverged_at == 0)] = step + 1
            if diverged_at.all():
                break
        self._recorder.diverged(runs, diverged_at)

    def _keep(self, places: Tensor) -> None:
        """Go on with some of the runs."""
        self._runs = self._runs[places]
        self._parameters = self._parameters[..., places]
        self._memory = tuple(part[..., places] for part in self._memory)
        if len(places):
            self._problem = self._problem.select(places)
            self._trained = self._problem.cast(self._parameters.dtype)


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
    with route.guard():
        descent = Descent(problem, route, parameters, draws, recorder)
        for first in range(0, n_steps, BLOCK):
            descent.advance(range(first, min(first + BLOCK, n_steps)))
            if descent.is_over:
                return recorder.path()
        descent.record(n_steps)
    return recorder.path()


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
