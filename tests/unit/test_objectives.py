"""Objectives, losses and optimisers against independent routes: torch's own, row by row."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from irm_bench.engine import training
from irm_bench.engine.problem import Problem, Quadratic, Slots, no_draws
from irm_bench.engine.row_losses import Part, RowBatch
from irm_bench.errors import PluginError
from irm_bench.plugins.methods import erm, irm, irm_matrix
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in
from tests.unit.problems import draw_rows, problem_of, train

ROOT = Path(__file__).parents[2]
ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


def module_of(path: Path) -> ModuleType:
    """A method's file as a module."""
    spec = importlib.util.spec_from_file_location(f"tested.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VREX = module_of(ROOT / "examples/my_book/methods/vrex.py")
ANCHOR = module_of(ROOT / "examples/my_book/methods/anchor.py")


def with_params(problem: Problem, **values: float) -> Problem:
    """A problem whose runs all have these parameters."""
    n_runs = problem.slots.n_runs
    params = {name: torch.full((n_runs,), v, dtype=torch.float64) for name, v in values.items()}
    return Problem(**{**vars_of(problem), "params": {**problem.params, **params}})


def vars_of(problem: Problem) -> dict[str, object]:
    return {name: getattr(problem, name) for name in problem.__dataclass_fields__}


def some_problem(n_runs: int = 3, **params: float) -> Problem:
    runs = [draw_rows(seed, 50, 2, (0.2, 1.0, 0.6)) for seed in range(n_runs)]
    return with_params(problem_of(runs, learning_rate=0.01, error_weight=0.1), **params)


# Optimisers


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rate=st.floats(1e-4, 0.3),
    decay=st.sampled_from([0.0, 1e-4, 0.1]),
    betas=st.sampled_from([(0.9, 0.999), (0.5, 0.9)]),
)
def test_adam_is_torchs_step_by_step(
    seed: int, rate: float, decay: float, betas: tuple[float, float]
) -> None:
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    gradients = torch.randn(25, 4, 3, dtype=torch.float64, generator=generator)
    theirs = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=rate, betas=betas, eps=1e-8, weight_decay=decay)
    rates = torch.full((3,), rate, dtype=torch.float64)
    values = {"beta1": betas[0], "beta2": betas[1], "epsilon": 1e-8, "weight_decay": decay}
    params = {n: torch.full((3,), v, dtype=torch.float64) for n, v in values.items()}
    ours, memory = start, adam.init(start)
    for step, gradient in enumerate(gradients):
        theirs.grad = gradient.clone()
        optimiser.step()
        ours, memory = adam.update(ours, gradient, memory, step, rates, params)
        assert torch.allclose(ours, theirs.detach(), rtol=1e-12, atol=1e-13)


def test_a_run_trained_by_adam_knows_no_neighbours() -> None:
    whole = some_problem(5, **ADAM)
    together = train(irm, whole, plug_in, 600, [], no_draws, adam).phi[-1]
    for run in range(5):
        alone = train(irm, whole.select(torch.tensor([run])), plug_in, 600, [], no_draws, adam)
        assert torch.equal(alone.phi[-1][:, 0], together[:, run])


def test_a_run_that_diverges_under_adam_leaves_the_others_alone() -> None:
    """A target of 1e200 overflows at once; the other runs keep their memory and their bits."""
    problem = some_problem(3, **ADAM)
    cross = problem.moments.cross.clone()
    cross[:, 1] = 1e200
    broken = Problem(**{**vars_of(problem), "moments": Quadratic(problem.moments.gram, cross)})
    path = train(irm, broken, plug_in, 700, [], no_draws, adam)
    assert int(path.diverged_at[1]) > 0
    kept = train(irm, problem, plug_in, 700, [], no_draws, adam)
    for run in (0, 2):
        assert int(path.diverged_at[run]) == -1
        assert torch.equal(path.phi[-1][:, run], kept.phi[-1][:, run])


# Objectives


def risks_of_rows(phi: Tensor, rows: list[tuple[np.ndarray, np.ndarray]]) -> list[Tensor]:
    """Mean squared error of φ (d,) in every environment, from the rows."""
    found = []
    for x, y in rows:
        found.append(((torch.tensor(x) @ phi - torch.tensor(y)) ** 2).mean())
    return found


def test_risks_are_those_of_the_rows() -> None:
    rows = draw_rows(3, 40, 2, (0.3, 1.0))
    problem = problem_of([rows])
    phi = torch.tensor([0.3, -1.0, 0.4, 2.0], dtype=torch.float64)
    found = problem.risks(phi[:, None])
    expected = torch.stack(risks_of_rows(phi, rows))
    assert torch.allclose(found, expected, rtol=1e-12)


def test_a_value_is_trained_as_torch_trains_it_from_the_rows() -> None:
    """V-REx by its value alone, against torch's Adam on risks of rows."""
    rows = draw_rows(5, 60, 2, (0.2, 1.0, 0.6))
    problem = with_params(problem_of([rows], learning_rate=0.02), beta=3.0, **ADAM)
    path = train(VREX, problem, plug_in, 200, [], no_draws, adam)
    phi = torch.ones(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([phi], lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        risks = torch.stack(risks_of_rows(phi, rows))
        (risks.mean() + 3.0 * risks.var(unbiased=False)).backward()
        optimiser.step()
    assert torch.allclose(path.phi[-1][:, 0], phi.detach(), rtol=1e-8)


def test_a_value_trains_runs_of_unequally_many_environments() -> None:
    three, two = draw_rows(1, 50, 2, (0.2, 1.0, 0.6)), draw_rows(2, 50, 2, (0.3, 1.5))
    both = with_params(problem_of([three, two], learning_rate=0.01), beta=2.0)
    together = train(VREX, both, plug_in, 100, [], no_draws).phi[-1]
    for i, run in enumerate((three, two)):
        alone = with_params(problem_of([run], learning_rate=0.01), beta=2.0)
        assert torch.equal(
            train(VREX, alone, plug_in, 100, [], no_draws).phi[-1][:, 0], together[:, i]
        )


def test_irm_with_a_matrix_is_trained_as_torch_trains_it_from_the_rows() -> None:
    """The paper's own loop: Φ from the identity, w of ones, the mean of the squared slopes in w."""
    rows = draw_rows(7, 60, 2, (0.3, 1.2))
    reg = 0.01
    problem = problem_of([rows], learning_rate=1e-3, error_weight=reg)
    path = train(irm_matrix, with_params(problem, **ADAM), plug_in, 150, [], no_draws, adam)
    matrix = torch.eye(4, dtype=torch.float64, requires_grad=True)
    w = torch.ones(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([matrix], lr=1e-3)
    for _ in range(150):
        error, penalty = torch.zeros(()), torch.zeros(())
        for x, y in rows:
            risk = ((torch.tensor(x) @ matrix @ w - torch.tensor(y)) ** 2).mean()
            (slope,) = torch.autograd.grad(risk, w, create_graph=True)
            penalty = penalty + slope.pow(2).mean()
            error = error + risk
        optimiser.zero_grad()
        (reg * error + (1 - reg) * penalty).backward()
        optimiser.step()
    expected = (matrix @ w).detach()
    assert torch.allclose(path.phi[-1][:, 0], expected, rtol=1e-9)


def test_anchor_regression_is_the_solution_on_the_rows() -> None:
    """Least squares after shrinking what environments' means explain: Rothenhäusler et al. 2021."""
    rng = np.random.default_rng(0)
    rows = []
    for shift in (-1.0, 0.0, 2.0):
        x = rng.normal(size=(40, 4)) + shift
        rows.append((x, x @ np.array([1.0, 0.5, 0.0, -1.0]) + shift + rng.normal(size=40)))
    problem = with_params(problem_of([rows]), gamma_anchor=4.0)
    found = train(ANCHOR, problem, plug_in, 0, [0], no_draws).phi[-1][:, 0].numpy()
    x, y = (np.concatenate(part) for part in zip(*rows, strict=True))
    dummies = np.kron(np.eye(3), np.ones((40, 1)))
    projection = dummies @ np.linalg.pinv(dummies)
    transform = np.eye(120) + (np.sqrt(4.0) - 1) * projection
    expected = np.linalg.lstsq(transform @ x, transform @ y, rcond=None)[0]
    assert found == pytest.approx(expected, rel=1e-8)


# The logistic loss


def classified(seed: int, n_samples: int = 50) -> list[tuple[Tensor, Tensor]]:
    """Rows and labels of three environments."""
    rng = np.random.default_rng(seed)
    found = []
    for scale in (0.5, 1.0, 2.0):
        x = rng.normal(size=(n_samples, 4)) * scale
        y = (x.sum(axis=1) + rng.normal(size=n_samples) > 0).astype(float)
        found.append((torch.tensor(x), torch.tensor(y)))
    return found


def logistic_problem(runs: list[list[tuple[Tensor, Tensor]]], error_weight: float) -> Problem:
    """Runs that all train on environments of their own."""
    n_runs, n_environments = len(runs), len(runs[0])
    slots = Slots((n_runs,) * n_environments)
    parts = []
    for e in range(n_environments):
        for r, run in enumerate(runs):
            parts.append(Part(*run[e], torch.tensor([e * n_runs + r])))
    n_pairs = n_runs * n_environments
    zeros = torch.zeros(4, 4, n_pairs, dtype=torch.float64)
    return Problem(
        slots=slots,
        moments=Quadratic(zeros, zeros[0]),
        target=torch.zeros(n_pairs, dtype=torch.float64),
        learning_rate=torch.full((n_runs,), 0.1, dtype=torch.float64),
        start=torch.ones(4, n_runs, dtype=torch.float64),
        params={"error_weight": torch.full((n_runs,), error_weight, dtype=torch.float64)},
        rows=RowBatch(tuple(parts)),
    )


def log_loss(logits: Tensor, y: Tensor) -> Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, y)


def test_a_slope_of_rows_is_what_autograd_says() -> None:
    run = classified(1)
    problem = logistic_problem([run], 1.0)
    phi = torch.tensor([0.3, -0.8, 1.2, 0.1], dtype=torch.float64, requires_grad=True)
    slope = problem.slope(phi.detach()[:, None])
    risks = problem.risks(phi.detach()[:, None])
    for e, (x, y) in enumerate(run):
        w = torch.ones((), dtype=torch.float64, requires_grad=True)
        risk = log_loss(x @ phi * w, y)
        gradient, along = torch.autograd.grad(risk, (phi, w), create_graph=True)
        (of_value,) = torch.autograd.grad(along / 2, phi)
        assert float(risks[e]) == pytest.approx(float(risk.detach()))
        assert torch.allclose(slope.residual[:, e], gradient.detach() / 2)
        assert float(slope.value[e]) == pytest.approx(float(along.detach()) / 2)
        assert torch.allclose(slope.gradient[:, e], of_value)


@pytest.mark.parametrize("name", ["erm", "irm"])
def test_the_logistic_loss_is_trained_as_the_loop_over_rows_trains_it(name: str) -> None:
    runs = [classified(2), classified(3)]
    problem = logistic_problem(runs, 0.5)
    method = {"erm": erm, "irm": irm}[name]
    path = train(method, problem, plug_in, 100, [], no_draws, gd)
    for r, run in enumerate(runs):
        phi = torch.ones(4, dtype=torch.float64, requires_grad=True)
        for _ in range(100):
            total = torch.zeros(())
            for x, y in run:
                w = torch.ones((), dtype=torch.float64, requires_grad=True)
                risk = log_loss(x @ phi * w, y)
                (along,) = torch.autograd.grad(risk, w, create_graph=True)
                total = total + (0.5 * risk + along**2 if name == "irm" else risk)
            (gradient,) = torch.autograd.grad(total, phi)
            with torch.no_grad():
                phi -= 0.1 * gradient
        assert torch.allclose(path.phi[-1][:, r], phi.detach(), rtol=1e-9)


# Plugins that do not keep their contract


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LABEL = 'x'", ["none of them"]),
        ("def value(p, q): return p.sum(0)\ndef fit(q): return q.start", ["value and fit"]),
        ("def fit(problem): return problem.start[:1]", ["fit gives", "(4, 3)"]),
        ("def fit(problem): return 3", ["fit gives", "int"]),
        (
            "def gradient(parameters, slope, problem, draw): return parameters[:2]",
            ["gradient has shape (2, 3)", "(4, 3)"],
        ),
        (
            "def gradient(parameters, slope, problem, draw): return parameters * float('nan')",
            ["NaN at the start"],
        ),
        (
            "def initial(start): return start\ndef predictor(parameters): return parameters[0]\n"
            "def value(parameters, problem): return parameters.sum(0)",
            ["predictor gives φ of shape (3,)"],
        ),
    ],
)
def test_a_method_that_breaks_its_contract_is_named(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    problem = some_problem()
    with pytest.raises(PluginError) as caught:
        training.train(module_of(path), plug_in, gd, problem, 5, [], no_draws)
    for word in ["mine.py", *words]:
        assert word in str(caught.value)
