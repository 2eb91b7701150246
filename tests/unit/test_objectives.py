"""What is minimised, whatever of it a plugin gives: methods, penalties, losses together."""

from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from irm_bench.engine import training
from irm_bench.engine.problem import Problem, no_draws
from irm_bench.engine.row_losses import WIDTH
from irm_bench.plugins.losses import logistic, squared
from irm_bench.plugins.penalties import plug_in
from tests.unit.objectives_case import (
    ROW_TOLERANCE,
    SIGMAS,
    STEPPED,
    Combination,
    along_w,
    close,
    first_gradient,
    gradient_of,
    mixed_runs,
    objective_by_rows,
    plugins,
    risk_by_rows,
    some_draw,
    some_phi,
)
from tests.unit.problems import draw_rows, problem_of

pytestmark = pytest.mark.spread


@pytest.fixture(autouse=True)
def _in_one_thread(one_thread: None) -> None:
    """Of every test here."""


@pytest.mark.parametrize(
    "combination",
    [
        c
        for c in STEPPED
        if c.method.get("IS_GRADIENT", True) and not (c.penalty and c.penalty.name == "split_half")
    ],
    ids=str,
)
def test_a_gradient_is_that_of_the_objective_over_all_environments(
    combination: Combination,
) -> None:
    runs = mixed_runs(3)
    problem = combination.problem(runs)
    method = combination.method.load()
    shape = training.initial_of(method, problem).shape
    parameters = some_phi(tuple(shape))
    found = first_gradient(combination, problem, parameters)
    tolerance = ROW_TOLERANCE if combination.loss.get("NEEDS") == "rows" else 1e-10
    for i, run in enumerate(runs):
        free = parameters[..., i].clone().requires_grad_()
        penalty = combination.penalty.name if combination.penalty else ""
        objective = objective_by_rows(
            combination.method.name, penalty, free, run, problem, combination.loss.name
        )
        (expected,) = torch.autograd.grad(objective, free)
        assert close(found[..., i], expected, tolerance)


@pytest.mark.parametrize(
    "combination", [c for c in STEPPED if c.penalty and c.loss.name == "squared"], ids=str
)
def test_a_quartic_or_random_penalty_steps_along_its_own_gradient(
    combination: Combination,
) -> None:
    """The route that the engine takes, against autograd of the penalty's own value."""
    problem = combination.problem(mixed_runs(3))
    _, penalty, _ = combination.modules
    phi = some_phi((4, 3))
    draw = some_draw(len(problem.target))
    free = phi.clone().requires_grad_()
    values = penalty.value(problem.slope(free), problem, lambda: draw)
    weighted = problem.spread(problem.error_weight) * problem.risks(free)
    (expected,) = torch.autograd.grad((values + weighted).sum(), free)
    assert close(first_gradient(combination, problem, phi), expected, 1e-10)


def test_a_logistic_slope_is_what_autograd_says() -> None:
    runs = mixed_runs(WIDTH + 3)
    problem = problem_of(runs, loss=logistic)
    phi = some_phi((4, len(runs)))
    slope = problem.slope(phi)
    gradient, residual, value = slope.gradient, slope.residual, slope.value
    risks = problem.risks(phi)
    pairs = [(run, e) for e in range(3) for run in range(len(runs)) if e < len(runs[run])]
    for place, (run, e) in enumerate(pairs):
        rows = (torch.tensor(runs[run][e][0]), torch.tensor(runs[run][e][1]))
        free = phi[:, run].clone().requires_grad_()
        half = along_w(free, rows, "logistic") / 2
        expected = gradient_of(free, rows, "logistic") / 2
        assert close(residual[:, place], expected.detach(), ROW_TOLERANCE)
        assert float(value[place]) == pytest.approx(float(half.detach()), abs=1e-6)
        (bent,) = torch.autograd.grad(half, free)
        assert close(gradient[:, place], bent, ROW_TOLERANCE)
        expected_risk = risk_by_rows(phi[:, run], rows, "logistic")
        assert float(risks[place]) == pytest.approx(float(expected_risk), rel=1e-6)


def test_asking_for_the_residual_alone_gives_the_same() -> None:
    problem = problem_of(mixed_runs(3), loss=logistic)
    phi = some_phi((4, 3))
    both, alone = problem.slope(phi), problem.slope(phi)
    assert both.gradient.shape == alone.residual.shape
    assert torch.equal(both.residual, alone.residual)


class SquaredByRows(ModuleType):
    """The squared loss, as a loss that goes through rows."""

    NEEDS = "rows"

    @staticmethod
    def value(prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target) ** 2

    @staticmethod
    def derivatives(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * (prediction - target), torch.full_like(prediction, 2.0)


@pytest.mark.parametrize("n_samples", [50, 2048, 5000])
def test_moments_and_rows_agree_on_the_squared_loss(n_samples: int) -> None:
    runs = [draw_rows(seed, n_samples, 2, SIGMAS) for seed in range(3)]
    phi = some_phi((4, 3))
    by_moments, by_rows = (
        problem_of(runs, loss=loss) for loss in (squared, SquaredByRows("squared_by_rows"))
    )
    expected, found = by_moments.slope(phi), by_rows.slope(phi)
    for name in ("gradient", "residual", "value"):
        assert close(getattr(found, name), getattr(expected, name), ROW_TOLERANCE)
    assert close(by_rows.risks(phi), by_moments.risks(phi), ROW_TOLERANCE)


def test_risks_are_those_of_the_rows() -> None:
    run = draw_rows(3, 40, 2, (0.3, 1.0))
    phi = torch.tensor([0.3, -1.0, 0.4, 2.0], dtype=torch.float64)
    found = problem_of([run]).risks(phi[:, None])
    expected = [risk_by_rows(phi, (torch.tensor(x), torch.tensor(y)), "squared") for x, y in run]
    assert torch.allclose(found, torch.stack(expected), rtol=1e-12)


@pytest.mark.parametrize("loss", [squared, logistic], ids=["squared", "logistic"])
def test_a_risk_can_be_differentiated_twice(loss: ModuleType) -> None:
    """IRM's plug-in objective as a value that differentiates risks itself."""
    problem = problem_of(mixed_runs(3), 0.1, 0.1, loss)

    def value(parameters: Tensor, part: Problem) -> Tensor:
        w = torch.ones(parameters.shape[-1], dtype=torch.float64, requires_grad=True)
        risks = part.risks(parameters * w)
        (along,) = torch.autograd.grad(risks[: len(w)].sum(), w, create_graph=True)
        return part.error_weight * risks[: len(w)] + along**2

    phi = some_phi((4, 3))
    free = phi.clone().requires_grad_()
    (found,) = torch.autograd.grad(value(free, problem).sum(), free)
    slope = problem.slope(phi)
    gradient = plug_in.gradient(slope, problem, no_draws)[:, :3]
    expected = gradient + 2 * problem.error_weight * slope.residual[:, :3]
    assert close(found, expected, ROW_TOLERANCE)


def test_labels_differ() -> None:
    labels = [plugin.get("LABEL") for plugin in plugins("methods")]
    colours = [plugin.get("COLOR") for plugin in plugins("methods")]
    assert len(set(labels)) == len(labels)
    assert len(set(colours)) == len(colours)


def test_risks_of_rows_are_bounded_in_memory_by_chunks() -> None:
    """A million predictions of 16 runs would be 64 MB: only a chunk of them is ever held."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200_000, 4))
    run = [(x, (x[:, 0] > 0).astype(float))]
    problem = problem_of([run] * 5, loss=logistic)
    free = torch.ones(4, 5, dtype=torch.float64, requires_grad=True)
    saved: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        problem.risks(free).sum().backward()
    assert sum(saved) < 1000
    assert free.grad is not None
    assert free.grad.isfinite().all()
