"""What is minimised, whatever of it a plugin gives: methods, penalties, losses together."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from irm_bench.engine import training
from irm_bench.engine.descent import Path as Trajectory
from irm_bench.engine.problem import Problem, Quadratic, no_draws
from irm_bench.engine.row_losses import WIDTH
from irm_bench.plugins.losses import logistic, squared
from irm_bench.plugins.methods import erm, iga, irm, irm_matrix, vrex
from irm_bench.plugins.optimisers import adam, gd
from irm_bench.plugins.penalties import plug_in
from irm_bench.plugins.registry import Plugin, find_book
from tests.unit.problems import Rows, draw_rows, problem_of

pytestmark = pytest.mark.spread

BOOK = find_book("notebook")
EXAMPLE = Path(__file__).parents[2] / "examples" / "my_book"
SIGMAS = (0.2, 1.0, 0.5)
# Through float32 rows, a derivative agrees with float64 to this, relative to the largest.
ROW_TOLERANCE = 1e-5


@pytest.fixture(autouse=True)
def _in_one_thread(one_thread: None) -> None:
    """Of every test here."""


@dataclass(frozen=True)
class Combination:
    """Plugins that can train together."""

    method: Plugin
    penalty: Plugin | None
    loss: Plugin
    optimiser: Plugin | None

    def __str__(self) -> str:
        plugins = (self.method, self.penalty, self.loss, self.optimiser)
        return "-".join(str(plugin) for plugin in plugins if plugin)

    @property
    def modules(self) -> tuple[ModuleType, ModuleType, ModuleType | None]:
        """As ``training.train`` takes them; a method without a penalty reports the plug-in one."""
        penalty = self.penalty.load() if self.penalty else plug_in
        return self.method.load(), penalty, self.optimiser.load() if self.optimiser else None

    @property
    def params(self) -> dict[str, float]:
        found = dict(self.method.get("PARAMS", {}))
        if self.optimiser:
            found |= self.optimiser.get("PARAMS", {})
        if "error_weight" in found:
            found["error_weight"] = 0.1
        if "gradient_weight" in found:
            found["gradient_weight"] = 0.1
        if "fishr_weight" in found:
            found["fishr_weight"] = 1e-3
        if "robustness" in found:
            found["robustness"] = 0.5  # up to 1 there is a minimum on any rows
        return found

    def problem(self, runs: list[list[Rows]], rate: float = 1e-3) -> Problem:
        return problem_of(runs, rate, loss=self.loss.load(), **self.params)


def plugins(kind: str) -> list[Plugin]:
    return [BOOK.plugin(kind, name) for name in BOOK.names(kind)]


def combinations() -> Iterator[Combination]:
    """Every method, penalty, loss and optimiser of the project that go together."""
    for method, loss in itertools.product(plugins("methods"), plugins("losses")):
        if loss.name not in method.get("LOSSES", (loss.name,)):
            continue
        is_fitted = "fit" in method.get("FUNCTIONS", ())
        optimisers = [None] if is_fitted else plugins("optimisers")
        penalties = plugins("penalties") if method.get("TAKES_PENALTY") else [None]
        for penalty, optimiser in itertools.product(penalties, optimisers):
            needs = set(penalty.get("NEEDS", ())) if penalty else set()
            if loss.get("NEEDS") == "moments" or not needs & {"product_variance", "splits"}:
                yield Combination(method, penalty, loss, optimiser)


EVERY = list(combinations())
STEPPED = [c for c in EVERY if c.optimiser and c.optimiser.name == "gd"]


def labelled_rows(seed: int, n_samples: int = 60, dim: int = 2) -> list[Rows]:
    """Rows of three environments with labels 0 and 1: both losses can train on them."""
    return [(x, (y > 0).astype(float)) for x, y in draw_rows(seed, n_samples, dim, SIGMAS)]


def mixed_runs(n_runs: int) -> list[list[Rows]]:
    """Runs of three environments, the last of two."""
    runs = [labelled_rows(seed) for seed in range(n_runs)]
    return [*runs[:-1], runs[-1][:2]]


def some_phi(shape: tuple[int, ...], seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def some_draw(n_pairs: int, d: int = 4) -> Quadratic:
    gram = some_phi((d, d, n_pairs), 8)
    return Quadratic((gram + gram.transpose(0, 1)) / 9, some_phi((d, n_pairs), 9) / 9)


# --- objectives written out once more, for one run, by rows and autograd


def risk_by_rows(phi: Tensor, rows: tuple[Tensor, Tensor], loss: str) -> Tensor:
    x, y = rows
    if loss == "logistic":
        return binary_cross_entropy_with_logits(x @ phi, y)
    return ((x @ phi - y) ** 2).mean()


def along_w(phi: Tensor, rows: tuple[Tensor, Tensor], loss: str) -> Tensor:
    """∂R/∂w at w = 1."""
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    risk = risk_by_rows(phi * w, rows, loss)
    return torch.autograd.grad(risk, w, create_graph=True)[0]


def along_columns(matrix: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """∂R/∂w_j at w of ones: (d,)."""
    w = torch.ones(matrix.shape[1], dtype=torch.float64, requires_grad=True)
    risk = risk_by_rows(matrix @ w, rows, "squared")
    return torch.autograd.grad(risk, w, create_graph=True)[0]


def gradient_of(phi: Tensor, rows: tuple[Tensor, Tensor], loss: str) -> Tensor:
    risk = risk_by_rows(phi, rows, loss)
    return torch.autograd.grad(risk, phi, create_graph=True)[0]


def said_by(phi: Tensor, rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and variance (environment,) of what the predictor says."""
    means = torch.stack([(x @ phi).mean() for x, _ in rows])
    return means, torch.stack([(x @ phi).var(unbiased=False) for x, _ in rows])


def gradient_variances(phi: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """Variance (d,) over the rows of each coordinate of a row's own gradient."""
    x, y = rows
    of_rows = 2 * (x @ phi - y)[:, None] * x
    return of_rows.var(dim=0)


def penalty_by_rows(phi: Tensor, rows: tuple[Tensor, Tensor], name: str, loss: str) -> Tensor:
    """A penalty of which the split half is left out: its draw is no split of rows here."""
    if name == "plug_in":
        return along_w(phi, rows, loss) ** 2
    x, y = rows
    of_rows = 2 * (x @ phi) * (x @ phi - y)
    return of_rows.mean() ** 2 - of_rows.var() / len(y)


def objective_by_rows(
    name: str, penalty: str, parameters: Tensor, run: list[Rows], problem: Problem, loss: str
) -> Tensor:
    """What a method minimises, of one run; the parameters of the problem's first run."""
    params = {key: float(values[0]) for key, values in problem.params.items()}
    rows = [(torch.tensor(x), torch.tensor(y)) for x, y in run]
    phi = parameters.sum(dim=1) if name == "irm_matrix" else parameters
    risks = torch.stack([risk_by_rows(phi, part, loss) for part in rows])
    match name:
        case "erm":
            return risks.sum()
        case "vrex":
            return risks.mean() + params["beta"] * risks.var(unbiased=False)
        case "irm":
            penalties = [penalty_by_rows(phi, part, penalty, loss) for part in rows]
            return params["error_weight"] * risks.sum() + torch.stack(penalties).sum()
        case "irm_matrix":
            weight = params["error_weight"]
            penalties = [(along_columns(parameters, part) ** 2).mean() for part in rows]
            return weight * risks.sum() + (1 - weight) * torch.stack(penalties).sum()
        case "iga":
            gradients = torch.stack([gradient_of(phi, part, loss) for part in rows])
            spread = ((gradients - gradients.mean(dim=0)) ** 2).sum()
            return risks.mean() + params["gradient_weight"] * spread
        case "irmx":
            penalties = [along_w(phi, part, loss) ** 2 for part in rows]
            penalty_sum = torch.stack(penalties).sum() + risks.var(unbiased=False)
            return params["error_weight"] * risks.sum() + penalty_sum
        case "ib_erm":
            return risks.mean() + params["bottleneck"] * said_by(phi, rows)[1].mean()
        case "ib_irm":
            error = risks.sum() + params["bottleneck"] * said_by(phi, rows)[1].sum()
            penalties = [along_w(phi, part, loss) ** 2 for part in rows]
            return params["error_weight"] * error + torch.stack(penalties).sum()
        case "coral":
            means, variances = said_by(phi, rows)
            gap = means.var(unbiased=False) + variances.var(unbiased=False)
            return risks.mean() + params["match_weight"] * gap
        case "fishr":
            variances = torch.stack([gradient_variances(phi, part) for part in rows])
            gap = ((variances - variances.mean(dim=0)) ** 2).sum(dim=1).mean()
            return risks.mean() + params["fishr_weight"] * gap
    raise AssertionError(f"the objective of {name} is not written out here")


def first_gradient(combination: Combination, problem: Problem, parameters: Tensor) -> Tensor:
    """The gradient that the engine would step along."""
    method, penalty, optimiser = combination.modules
    assert optimiser is not None
    prepared, route = training.route_of(method, penalty, optimiser, problem)
    draw = some_draw(len(problem.target))
    with route.guard():
        return route.gradient(parameters, prepared, lambda: draw)


def close(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    scale = expected.abs().max()
    return bool((found - expected).abs().max() <= tolerance * scale)


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


# --- slopes through rows


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


# --- batches


def trained(combination: Combination, problem: Problem, n_steps: int = 60) -> Trajectory:
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


# --- parameters of another shape


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


def test_risks_are_those_of_the_rows() -> None:
    run = draw_rows(3, 40, 2, (0.3, 1.0))
    phi = torch.tensor([0.3, -1.0, 0.4, 2.0], dtype=torch.float64)
    found = problem_of([run]).risks(phi[:, None])
    expected = [risk_by_rows(phi, (torch.tensor(x), torch.tensor(y)), "squared") for x, y in run]
    assert torch.allclose(found, torch.stack(expected), rtol=1e-12)


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
