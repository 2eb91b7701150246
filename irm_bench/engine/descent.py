"""The batched optimiser: all runs of a job advance together, from moments, in torch.

Layout and symbols as in ``problem.py``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from irm_bench.engine.problem import (
    Draw,
    Draws,
    Gradient,
    Penalty,
    Problem,
    Quadratic,
    Slope,
    no_draws,
    slope_of,
)
from irm_bench.engine.signs import BLOCK


@dataclass(frozen=True)
class Path:
    """What training left: φ (K, d, run) and penalty (K, run) after ``steps[k]`` updates.

    ``diverged_at`` (run,) is the number of updates after which φ was first not finite, −1 where it
    stayed finite; from there on the records of that run are NaN.
    """

    steps: Sequence[int]
    phi: Tensor
    penalty: Tensor
    diverged_at: Tensor


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

    def record(self, step: int, slope: Slope, problem: Problem, draw: Draw, runs: Tensor) -> None:
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


def descend(
    problem: Problem,
    gradient: Gradient,
    penalty: Penalty,
    n_steps: int,
    record: Iterable[int],
    draws: Draws = no_draws,
) -> Path:
    """Gradient descent of every run of the problem from its start, ``n_steps`` updates.

    ``record`` lists the numbers of updates after which φ and the penalty (estimated with the draw
    of the update to come) are kept; ``n_steps`` itself is always among them. A run whose φ stops
    being finite is flagged with the step, taken out, and changes nothing for the others.
    """
    recorder = Recorder(problem, penalty, [*record, n_steps])
    runs = torch.arange(problem.slots.n_runs, device=problem.start.device)
    phi = problem.start
    with torch.inference_mode():
        for first in range(0, n_steps, BLOCK):
            steps = range(first, min(first + BLOCK, n_steps))
            before = phi
            for step in steps:
                phi = _update(phi, step, problem, gradient, draws, runs, recorder)
            finite = torch.isfinite(phi).all(dim=0)
            if not finite.all():
                _flag(before, steps, finite, problem, gradient, draws, runs, recorder)
                keep = finite.nonzero().squeeze(1)
                runs, phi = runs[keep], phi[:, keep]
                if not len(runs):
                    return recorder.path()
                problem = problem.select(keep)
        slope = slope_of(phi, problem)
        recorder.record(n_steps, slope, problem, partial(draws, n_steps, runs), runs)
    return recorder.path()


def _update(
    phi: Tensor,
    step: int,
    problem: Problem,
    gradient: Gradient,
    draws: Draws,
    runs: Tensor,
    recorder: Recorder | None,
) -> Tensor:
    draw = partial(draws, step, runs)
    if recorder is not None and recorder.wants(step):
        recorder.record(step, slope_of(phi, problem), problem, draw, runs)
    return torch.addcmul(phi, problem.learning_rate, gradient(phi, problem, draw), value=-1)


def _flag(
    phi: Tensor,
    steps: range,
    finite: Tensor,
    problem: Problem,
    gradient: Gradient,
    draws: Draws,
    runs: Tensor,
    recorder: Recorder,
) -> None:
    """Run a block once more to find the step at which each of its runs diverged."""
    diverged_at = torch.zeros(len(runs), dtype=torch.long, device=phi.device)
    for step in steps:
        phi = _update(phi, step, problem, gradient, draws, runs, None)
        new = ~torch.isfinite(phi).all(dim=0) & (diverged_at == 0)
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
            slope = slope_of(phi_at(step), problem)
            recorder.record(step, slope, problem, partial(draws, step, runs), runs)
    return recorder.path()
