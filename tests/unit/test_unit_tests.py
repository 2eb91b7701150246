"""The book unit_tests: its data and its methods."""

import numpy as np
import pytest
import torch
from scipy import special

from irm_bench.books.unit_tests.methods import irm
from irm_bench.engine.problem import no_draws
from irm_bench.planning import plan, starts
from irm_bench.planning.sampling import all_rows
from irm_bench.plugins.losses import logistic, squared
from irm_bench.plugins.methods import and_mask
from irm_bench.plugins.optimisers import adam
from irm_bench.plugins.penalties import plug_in
from irm_bench.theory.moments import products, unpack_products
from tests.unit.problems import problem_of, train
from tests.unit.unit_tests_case import SEMS, model_of, parse

# --- data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sem", SEMS)
@pytest.mark.parametrize("shuffled", [0, 1])
@pytest.mark.parametrize(
    "options",
    [{"scramble": 0}, {"scramble": 1, "dim": 1, "dim_spurious": 3}, {"dim_spurious": 0, "dim": 2}],
)
def test_rows_have_the_moments_of_the_population(
    sem: str, shuffled: int, options: dict[str, int]
) -> None:
    """Within six standard errors, with a known and a drawn environment, intercept and rotation.

    With a single invariant feature some cows are labelled as camels: the border is only three
    standard deviations away.
    """
    model = model_of(sem, **options)
    mechanism = model.mechanism(0, 1)
    for number in (1, 5):
        environment = {"number": float(number), "shuffled": float(shuffled)}
        truth = model.population(environment, mechanism)
        assert truth is not None
        x, y = model.sample(np.random.default_rng(0), 60_000, environment, mechanism)
        of_rows = products(x, y)
        d = model.n_features
        means = unpack_products(of_rows.mean(axis=1), d)
        errors = unpack_products(of_rows.std(axis=1) / np.sqrt(len(y)), d)
        for mean, error, exact in zip(means, errors, (truth.gram, truth.cross), strict=True):
            assert (np.abs(mean - exact) <= 6 * error + 1e-12).all()
        np.testing.assert_allclose(truth.mean[:-1], truth.gram[-1])
        assert abs(truth.mean[-1] - y.mean()) <= 6 * y.std() / np.sqrt(len(y)) + 1e-12


def test_shuffling_breaks_the_bond_of_spurious_features_alone() -> None:
    """Columns hold the same values in another order, and invariant ones stay as they were."""
    for sem in SEMS:
        model = model_of(sem)
        mechanism = model.mechanism(0, 0)
        plain, shuffled = (
            model.sample(np.random.default_rng(5), 200, {"number": 0.0, "shuffled": s}, mechanism)
            for s in (0.0, 1.0)
        )
        np.testing.assert_array_equal(plain[1], shuffled[1])
        np.testing.assert_array_equal(plain[0][:, :5], shuffled[0][:, :5])
        assert (plain[0][:, 5:10] != shuffled[0][:, 5:10]).any()
        assert sorted(plain[0][:, 5]) == sorted(shuffled[0][:, 5])


def test_shares_of_the_cells_are_those_of_the_paper() -> None:
    """In environment 0: cows are 30%, 95% of cows and of camels have the usual background."""
    model = model_of("cows_camels")
    x, y = model.sample(
        np.random.default_rng(0), 40_000, {"number": 0.0, "shuffled": 0.0}, model.mechanism(0, 0)
    )
    usual = (x[:, 5:10].mean(axis=1) > 0) == (y == 1)
    assert y.mean() == pytest.approx(0.3, abs=0.012)
    assert usual[y == 1].mean() == pytest.approx(0.95, abs=0.01)
    assert usual[y == 0].mean() == pytest.approx(0.95, abs=0.01)


def test_environments_do_not_depend_on_how_many_there_are() -> None:
    """Of a seed each has its own parameters, whichever study trains on it."""
    few = parse(train_environments=[[0, 4]])
    many = parse(train_environments=[[0, 1, 2, 3, 4, 5]])
    rows = []
    for parsed in (few, many):
        cell = next(iter(plan.cells_of(parsed.studies[0])))
        (dataset,) = [d for d in cell.datasets() if d.environment.main == 4]
        rows.append(all_rows(dataset, 3, seed=1)[0])
    np.testing.assert_array_equal(*rows)


def test_the_rotation_is_orthogonal() -> None:
    model = model_of("unit_regression", scramble=1)
    mixing = model.mixing(model.mechanism(0, 0))
    assert mixing is not None
    np.testing.assert_allclose(mixing @ mixing.T, np.eye(10), atol=1e-12)


# --- methods ------------------------------------------------------------------------------------


def some_rows(n_environments: int, labels: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(n_environments)
    found = []
    for shift in range(n_environments):
        x = np.column_stack([rng.normal(size=(50, 3)) + 0.3 * shift, np.ones(50)])
        y = x @ [1.0, -0.5, 0.2, 0.3] + (1 + shift) * rng.normal(size=50)
        found.append((x, (y > 0).astype(float) if labels else y))
    return found


def row_loss(prediction: torch.Tensor, y: torch.Tensor, labels: bool) -> torch.Tensor:
    if labels:
        return torch.nn.functional.binary_cross_entropy_with_logits(prediction, y)
    return ((prediction - y) ** 2).mean()


@pytest.mark.parametrize("labels", [False, True])
def test_irm_with_two_dummies_is_what_torch_differentiates_row_by_row(labels: bool) -> None:
    """The objective written out with dummies, differentiated twice by torch, for two runs."""
    runs = [some_rows(3, labels), some_rows(2, labels)]
    problem = problem_of(runs, loss=logistic if labels else squared, penalty_share=0.8)
    phi = torch.tensor(np.random.default_rng(1).normal(size=(4, 2)))
    found = irm.gradient(phi, problem.slope(phi), problem, no_draws)
    for i, run in enumerate(runs):
        free = phi[:, i].clone().requires_grad_()
        losses, penalties = [], []
        for x, y in run:
            dummies = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1.0, 0.0)]
            prediction = dummies[0] * (torch.tensor(x) @ free) + dummies[1]
            losses.append(row_loss(prediction, torch.tensor(y), labels))
            slopes = torch.autograd.grad(losses[-1], dummies, create_graph=True)
            penalties.append(sum(slope**2 for slope in slopes))
        objective = 0.2 * sum(losses) / len(losses) + 0.8 * sum(penalties)
        (expected,) = torch.autograd.grad(objective, free)
        tolerance = 1e-5 if labels else 1e-10
        torch.testing.assert_close(found[:, i], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("labels", [False, True])
def test_and_mask_steps_as_a_loop_over_environments_does(labels: bool) -> None:
    """Some coordinates are masked and some are not; the intercept's gradient is not normalised."""
    runs = [some_rows(3, labels), some_rows(2, labels)]
    loss = logistic if labels else squared
    problem = problem_of(runs, loss=loss, agreement=0.9, decay=0.3)
    phi = torch.tensor(np.random.default_rng(4).normal(size=(4, 2)))
    found = and_mask.gradient(phi, problem.slope(phi), problem, no_draws)
    masked = []
    for i, run in enumerate(runs):
        weights, intercept = [], []
        for x, y in run:
            a = x @ phi[:, i].numpy()
            error = special.expit(a) - y if labels else 2 * (a - y)
            gradient = x.T @ error / len(y)
            weights.append(gradient[:3] / np.linalg.norm(gradient[:3]))
            intercept.append(gradient[3:])
        step = np.zeros(4)
        for block, place in ((weights, slice(0, 3)), (intercept, slice(3, 4))):
            agree = np.abs(np.sign(block).sum(axis=0)) > 0.9 * len(run)
            step[place] = np.where(agree, np.mean(block, axis=0), 0.0)
            masked += list(agree)
        np.testing.assert_allclose(found[:, i], step + 0.3 * phi[:, i].numpy(), atol=1e-5)
    assert any(masked)
    assert not all(masked)


def test_training_is_a_loop_of_torch_with_its_own_adam() -> None:
    """IRM with two dummies, decay inside Adam, from the weights of a linear layer."""
    run = some_rows(2, labels=False)
    start = torch.tensor([[0.2], [-0.1], [0.3], [0.05]], dtype=torch.float64)
    defaults = {**adam.PARAMS, "weight_decay": 0.01}
    problem = problem_of([run], learning_rate=0.02, penalty_share=0.7, **defaults)
    problem.start.copy_(start)
    path = train(irm, problem, plug_in, 40, [], no_draws, adam)
    free = start[:, 0].clone().requires_grad_()
    optimiser = torch.optim.Adam([free], lr=0.02, weight_decay=0.01)
    for _ in range(40):
        objective = torch.zeros((), dtype=torch.float64)
        for x, y in run:
            dummies = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
            prediction = dummies[0] * (torch.tensor(x) @ free) + dummies[1]
            risk = row_loss(prediction, torch.tensor(y), labels=False)
            (slopes,) = torch.autograd.grad(risk, dummies, create_graph=True)
            objective = objective + 0.3 * risk / 2 + 0.7 * (slopes**2).sum()
        optimiser.zero_grad()
        objective.backward()
        optimiser.step()
    torch.testing.assert_close(path.phi[-1, :, 0], free.detach(), rtol=1e-9, atol=1e-9)


def test_linear_starts_are_uniform_within_the_layers_bound() -> None:
    parsed = parse(options={"dim": 4, "dim_spurious": 0})
    cell = next(iter(plan.cells_of(parsed.studies[0])))
    found = starts.of_runs(3, [(cell, seed) for seed in range(400)], lambda cell, seed: np.ones(5))
    assert found.shape == (5, 400)
    assert np.abs(found).max() <= 0.5
    assert np.abs(found).max(axis=1).min() > 0.49
    np.testing.assert_allclose(found.var(axis=1), 0.5**2 / 3, rtol=0.25)
