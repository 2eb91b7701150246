"""Trainings end where loops by rows do, alone as in a batch, and say when they diverge."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from irm_bench.engine import training
from irm_bench.engine.descent import Path as Trajectory
from irm_bench.engine.problem import Problem, Quadratic, no_draws
from irm_bench.plugins.losses import logistic
from irm_bench.plugins.methods import erm, iga, irm, irm_matrix, vrex
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in
from irm_bench.plugins.registry import find_book
from tests.unit.objectives_case import (
    EVERY,
    EXAMPLE,
    Combination,
    along_w,
    close,
    labelled_rows,
    objective_by_rows,
    risk_by_rows,
    some_draw,
    some_phi,
)
from tests.unit.problems import Rows, draw_rows, problem_of

pytestmark = pytest.mark.spread


@pytest.fixture(autouse=True)
def _in_one_thread(one_thread: None) -> None:
    """Of every test here."""


def trained_by_loop(run: list[Rows], n_steps: int, rate: float, error_weight: float) -> Tensor:
    """IRM's φ by the paper's loop in float64: logistic loss, plug-in penalty, autograd twice."""
    phi = torch.ones(4, dtype=torch.float64, requires_grad=True)
    for _ in range(n_steps):
        objective = torch.zeros((), dtype=torch.float64)
        for x, y in run:
            rows = (torch.tensor(x), torch.tensor(y))
            risk = risk_by_rows(phi, rows, "logistic")
            objective = objective + error_weight * risk + along_w(phi, rows, "logistic") ** 2
        (gradient,) = torch.autograd.grad(objective, phi)
        phi = (phi - rate * gradient).detach().requires_grad_()
    return phi.detach()


@pytest.mark.parametrize("seed", range(3))
def test_float32_rows_train_to_what_float64_rows_do(seed: int) -> None:
    """φ agrees to 1e-6 of its largest weight after 1,000 steps that move it by 0.4 and more."""
    run = labelled_rows(seed, 3000)
    problem = problem_of([run], 0.5, 0.1, logistic)
    path = training.train(irm, plug_in, gd, problem, 1000, [], no_draws)
    expected = trained_by_loop(run, 1000, 0.5, 0.1)
    assert (expected - 1).abs().max() > 0.4
    assert close(path.phi[-1, :, 0], expected, 1e-6)


def trained(combination: Combination, problem: Problem, n_steps: int = 20) -> Trajectory:
    def draws(step: int, runs: Tensor) -> Quadratic:
        drawn = some_draw(3 * 23, len(problem.start))
        pairs = torch.cat([runs + e * 23 for e in range(3)])
        return drawn.select(pairs)

    method, penalty, optimiser = combination.modules
    return training.train(method, penalty, optimiser, problem, n_steps, [0, 5], draws)


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize("combination", EVERY, ids=str)
def test_a_batch_is_its_runs_alone(combination: Combination, dim: int) -> None:
    """To the bit: through rows too, as panels have one width."""
    runs = [labelled_rows(seed, dim=dim) for seed in range(23)]
    shared = runs[0]
    runs[:20] = [shared] * 20  # a panel of one dataset, and part of another
    problem = combination.problem(runs)
    rates = torch.linspace(1e-5, 1e-3, 23, dtype=torch.float64) / dim**3
    problem = replace(problem, learning_rate=rates)
    whole = trained(combination, problem)
    assert whole.phi.isfinite().all()
    if combination.penalty and combination.penalty.name == "split_half":
        return  # draws of some runs alone are those of ``splits.py``, and tested there
    for chosen in ([0], [3, 19, 22], list(range(5, 21))):
        part = trained(combination, problem.select(torch.tensor(chosen)))
        assert torch.equal(part.phi, whole.phi[..., chosen])
        assert torch.equal(part.penalty, whole.penalty[:, chosen])


@pytest.mark.parametrize(
    "combination",
    [c for c in EVERY if c.optimiser and c.loss.name == "squared" and c.method.name != "irm"],
    ids=str,
)
def test_a_diverging_run_changes_nothing_for_the_others(combination: Combination) -> None:
    """Adam's steps are bounded, and a mask may stop them: there an infinite learning rate stands
    for divergence."""
    assert combination.optimiser is not None
    runs = [labelled_rows(seed) for seed in range(5)]
    is_held = combination.optimiser.name == "adam" or combination.method.name == "sand_mask"
    problem = combination.problem(runs)
    rates = problem.learning_rate.clone()
    rates[[1, 4]] = float("inf") if is_held else 1e3
    path = trained(combination, replace(problem, learning_rate=rates), 600)
    calm = torch.tensor([0, 2, 3])
    undisturbed = trained(combination, problem.select(calm), 600)
    assert (path.diverged_at[calm] == -1).all()
    assert (path.diverged_at[[1, 4]] > 0).all()
    assert torch.equal(path.phi[..., calm], undisturbed.phi)


@pytest.mark.parametrize("method", [erm, irm, vrex, iga, irm_matrix], ids=lambda m: m.__name__)
def test_where_a_run_diverges_does_not_depend_on_its_block(method: ModuleType) -> None:
    """One learning rate is lost on the way, at the same step alone and beside a calm run."""
    run = labelled_rows(0)
    params = dict(getattr(method, "PARAMS", {}))
    problem = problem_of([run, run], [1e-7, 50.0], **params)
    path = training.train(method, plug_in, gd, problem, 700, [3], no_draws)
    alone = training.train(
        method, plug_in, gd, problem.select(torch.tensor([1])), 700, [3], no_draws
    )
    assert path.diverged_at[1] == alone.diverged_at[0] > 0
    assert path.diverged_at[0] == -1


def test_adam_flags_the_step_of_a_run_that_is_lost_later() -> None:
    """A gradient that is infinite from some step on: memory is restored when it is sought."""

    def value(parameters: Tensor, problem: Problem) -> Tensor:
        hole = torch.where(parameters < 0.5, float("inf"), 1.0)
        return (parameters * hole).sum(dim=0)

    method = ModuleType("hole")
    method.__file__ = "hole.py"
    method.value = value  # type: ignore[attr-defined]
    params = adam.PARAMS
    run = labelled_rows(0)
    problem = problem_of([run, run], [1e-3, 1e-9], **params)
    path = training.train(method, plug_in, adam, problem, 1500, [0], no_draws)
    # each of Adam's steps of a constant gradient is the learning rate
    assert path.diverged_at.tolist() == [502, -1]


def test_a_matrix_starts_at_the_start_and_trains_as_the_papers_does() -> None:
    """torch.optim.Adam on a matrix, w of ones, and autograd through rows."""
    run = labelled_rows(3, 200)
    params = {**adam.PARAMS, "error_weight": 0.05}
    start = some_phi((4, 1), 3)
    problem = replace(problem_of([run], 1e-2, **params), start=start)
    path = training.train(irm_matrix, plug_in, adam, problem, 200, [0], no_draws)
    matrix = torch.nn.Parameter(torch.diag(start[:, 0]))
    optimiser = torch.optim.Adam([matrix], lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        objective_by_rows("irm_matrix", "", matrix, run, problem, "squared").backward()
        optimiser.step()
    assert torch.equal(path.phi[0], start)
    assert torch.allclose(path.phi[-1, :, 0], matrix.sum(dim=1).detach(), rtol=1e-8, atol=1e-10)
    assert (path.phi[-1] - start).abs().max() > 0.1


def test_a_value_is_trained_as_torch_trains_it_from_the_rows() -> None:
    """V-REx by its value alone, against torch's Adam on risks of rows."""
    run = draw_rows(5, 60, 2, (0.2, 1.0, 0.6))
    problem = problem_of([run], 0.02, beta=3.0, **adam.PARAMS)
    path = training.train(vrex, plug_in, adam, problem, 200, [], no_draws)
    phi = torch.ones(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([phi], lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        objective_by_rows("vrex", "", phi, run, problem, "squared").backward()
        optimiser.step()
    assert torch.allclose(path.phi[-1][:, 0], phi.detach(), rtol=1e-8)


def test_anchor_regression_is_the_solution_on_the_rows() -> None:
    """Least squares after shrinking what environments' means explain: Rothenhäusler et al. 2021."""
    rng = np.random.default_rng(0)
    run = []
    for shift in (-1.0, 0.0, 2.0):
        x = rng.normal(size=(40, 4)) + shift
        run.append((x, x @ np.array([1.0, 0.5, 0.0, -1.0]) + shift + rng.normal(size=40)))
    anchor = find_book(str(EXAMPLE)).plugin("methods", "anchor").load()
    problem = problem_of([run], gamma_anchor=4.0)
    path = training.train(anchor, plug_in, None, problem, 0, [0], no_draws)
    x, y = (np.concatenate(part) for part in zip(*run, strict=True))
    dummies = np.kron(np.eye(3), np.ones((40, 1)))
    projection = dummies @ np.linalg.pinv(dummies)
    transform = np.eye(120) + (np.sqrt(4.0) - 1) * projection
    expected = np.linalg.lstsq(transform @ x, transform @ y, rcond=None)[0]
    assert path.phi[-1][:, 0].numpy() == pytest.approx(expected, rel=1e-8)
