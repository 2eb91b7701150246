"""One contract for every plugin of a kind; a new file is tested by being there."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import is_color_like

from benchmarks import notebook_loop
from irm_bench.engine import polynomial
from irm_bench.engine.problem import Quadratic, Slope, Slots
from irm_bench.planning import plan
from irm_bench.plugins.registry import find_book
from irm_bench.theory.moments import Accumulator, products, risk, unpack_products
from tests.unit.problems import Rows, draw_rows, problem_of, train

BOOK = find_book("notebook")

SEMS = BOOK.names("sems")
PENALTIES = BOOK.names("penalties")
METHODS = BOOK.names("methods")


@pytest.mark.parametrize(
    ("kind", "name"),
    [(k, n) for k in ("penalties", "methods") for n in BOOK.names(k)],
)
def test_what_is_drawn_has_label_colour_marker_and_source(kind: str, name: str) -> None:
    found = BOOK.plugin(kind, name).metadata
    assert found["LABEL"]
    assert found["REFERENCE"]
    assert is_color_like(found["COLOR"])
    assert found["MARKER"]
    assert found["DASH"]


@pytest.mark.parametrize("kind", ["penalties", "methods"])
def test_labels_differ(kind: str) -> None:
    labels = [BOOK.plugin(kind, name).metadata["LABEL"] for name in BOOK.names(kind)]
    assert len(set(labels)) == len(labels)


def environment_of(sem: str) -> dict[str, float]:
    parameters = BOOK.plugin("sems", sem).metadata["PARAMETERS"]
    return {name: 0.7 if default is None else default for name, default in parameters.items()}


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("name", SEMS)
def test_a_sems_rows_have_its_population_moments(name: str, dim: int) -> None:
    """Every moment within 6 standard errors, an exact law of large numbers apart."""
    sem = BOOK.plugin("sems", name).load()
    environment = environment_of(name)
    n = 200_000
    mechanism = mechanism_of(name, dim)
    x, y = sem.sample(np.random.default_rng(0), n, environment, mechanism)
    d = len(sem.feature_names(options_of(name, dim)))
    assert x.shape == (n, d)
    assert y.shape == (n,)
    if "dim" in BOOK.plugin("sems", name).get("OPTIONS"):
        assert d == 2 * dim
    m = products(x, y)
    gram, cross = unpack_products(m.mean(axis=1), d)
    sd_gram, sd_cross = unpack_products(m.std(axis=1) / np.sqrt(n), d)
    truth = sem.population(environment, mechanism)
    assert (np.abs(gram - truth.gram) < 6 * sd_gram).all()
    assert (np.abs(cross - truth.cross) < 6 * sd_cross).all()
    assert np.mean(y**2) == pytest.approx(truth.target, rel=0.03)


def options_of(name: str, dim: int) -> dict[str, Any]:
    """The default options, with ``dim`` features of every kind."""
    options = {**BOOK.plugin("sems", name).get("OPTIONS"), "dim": dim}
    return options | ({"dim_spurious": dim} if "dim_spurious" in options else {})


def mechanism_of(name: str, dim: int) -> Any:
    """What is fixed for a seed, at the default options."""
    plugin = BOOK.plugin("sems", name)
    options = options_of(name, dim)
    if "mechanism" in plugin.get("FUNCTIONS"):
        return plugin.load().mechanism(np.random.default_rng(1), options)
    return options


@pytest.mark.parametrize(
    "name", [n for n in SEMS if "noise_floor" in BOOK.plugin("sems", n).get("FUNCTIONS")]
)
def test_a_sems_noise_floor_is_the_risk_of_its_causal_solution(name: str) -> None:
    sem = BOOK.plugin("sems", name).load()
    environment = environment_of(name)
    mechanism = mechanism_of(name, 2)
    found = risk(sem.causal_solution(mechanism), sem.population(environment, mechanism))
    assert found == pytest.approx(sem.noise_floor(environment, mechanism))


def some_draw(n_pairs: int, d: int) -> Quadratic:
    generator = torch.Generator().manual_seed(1)
    gram = torch.randn(d, d, n_pairs, dtype=torch.float64, generator=generator)
    cross = torch.randn(d, n_pairs, dtype=torch.float64, generator=generator)
    return Quadratic(gram + gram.transpose(0, 1), cross)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penaltys_gradient_is_that_of_its_value(name: str) -> None:
    penalty = BOOK.plugin("penalties", name).load()
    problem = problem_of([draw_rows(s, 50, 2, (0.2, 1.0, 0.5)) for s in range(3)])
    draw = some_draw(9, 4)
    generator = torch.Generator().manual_seed(2)
    phi = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    free = problem.slots.spread(phi)
    numeric = torch.zeros(4, 9, dtype=torch.float64)
    step = 1e-6
    for i, sign in itertools.product(range(4), (1, -1)):
        moved = free.clone()
        moved[i] += sign * step
        value = penalty.value(Slope(moved, problem.moments), problem, lambda: draw)
        numeric[i] += sign * value / (2 * step)
    found = penalty.gradient(problem.slope(phi), problem, lambda: draw)
    assert torch.allclose(found, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_what_per_row_autograd_says(name: str) -> None:
    n = 30
    run: list[Rows] = draw_rows(5, n, 2, (0.4,))
    problem = problem_of([run])
    rng = np.random.default_rng(6)
    permutation = rng.permutation(n)
    signs = np.ones(n)
    signs[permutation[1::2]] = -1
    x, y = run[0]
    drawn = unpack_products(torch.tensor((products(x, y) * signs).mean(axis=1))[:, None], 4)
    phi = torch.tensor(rng.normal(size=4))
    w = torch.ones(n, 1, dtype=torch.float64, requires_grad=True)
    rows, target = torch.tensor(x)[permutation], torch.tensor(y)[permutation, None]
    expected = notebook_loop.PENALTIES[name]((rows @ phi[:, None] * w - target) ** 2, w)
    penalty = BOOK.plugin("penalties", name).load()
    found = penalty.value(problem.slope(phi[:, None]), problem, lambda: Quadratic(*drawn))
    assert float(found[0]) == pytest.approx(float(expected.detach()), rel=1e-10)


def test_the_u_statistic_is_the_mean_of_split_half_over_all_splits() -> None:
    n = 8
    run = draw_rows(7, n, 1, (0.5,))
    x, y = run[0]
    problem = problem_of([run])
    slope = problem.slope(torch.tensor([[0.3], [0.8]], dtype=torch.float64))
    m = products(x, y)
    values = []
    for half in itertools.combinations(range(n), n // 2):
        signs = -np.ones(n)
        signs[list(half)] = 1
        drawn = unpack_products(torch.tensor((m * signs).mean(axis=1))[:, None], 2)
        split = BOOK.plugin("penalties", "split_half").load()
        values.append(float(split.value(slope, problem, lambda d=drawn: Quadratic(*d))[0]))
    u_statistic = BOOK.plugin("penalties", "u_statistic").load()
    expected = float(u_statistic.value(slope, problem, None)[0])
    assert np.mean(values) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_leaves_a_finite_path_that_starts_at_its_start(name: str) -> None:
    method = BOOK.plugin("methods", name).load()
    is_control = BOOK.plugin("methods", name).get("IS_CONTROL", False)
    params = BOOK.plugin("methods", name).get("PARAMS", {})
    runs = [draw_rows(s, 50, 2, (0.2, 1.0)) for s in range(3)]
    problem = problem_of(runs, learning_rate=1e-5, **params)
    draw = some_draw(6, 4)
    penalty = BOOK.plugin("penalties", "plug_in").load()
    path = train(method, problem, penalty, 20, [0, 5], lambda step, runs: draw)
    assert list(path.steps)[-1] == 20
    assert path.phi.shape == (len(path.steps), 4, 3)
    assert path.penalty.shape == (len(path.steps), 3)
    assert path.phi.isfinite().all()
    assert (path.diverged_at == -1).all()
    if not (is_control or hasattr(method, "fit")):
        assert torch.allclose(path.phi[0], problem.start)
        assert not torch.equal(path.phi[-1], problem.start)


@pytest.mark.parametrize("name", [m for m in METHODS if BOOK.plugin("methods", m).get("HESSIAN")])
def test_a_methods_curvature_bounds_its_stable_rate(name: str) -> None:
    """Just below 2/λ the first steps shrink the gradient's largest mode; above they do not."""
    method = BOOK.plugin("methods", name).load()
    run = draw_rows(1, 5000, 2, (0.2, 1.0))
    accumulated = []
    for x, y in run:
        a = Accumulator(4)
        a.add(x, y)
        accumulated.append(a.moments())
    from irm_bench.theory.moments import stack

    curvature = plan.curvature(BOOK.plugin("methods", name), stack(accumulated), 1e-5)
    assert curvature > 0
    problem = problem_of([run, run], learning_rate=[1.0 / curvature, 20.0 / curvature])
    path = train(
        method, problem, BOOK.plugin("penalties", "plug_in").load(), 3000, [], lambda s, r: None
    )
    assert int(path.diverged_at[0]) == -1
    assert int(path.diverged_at[1]) > 0


def test_slots_of_equal_runs() -> None:
    assert Slots((3, 3)).n_runs == 3


@pytest.mark.parametrize(
    "name", [p for p in PENALTIES if hasattr(BOOK.plugin("penalties", p).load(), "quartic")]
)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_quartic_penalty_is_its_polynomial(name: str, dim: int) -> None:
    """Value uᵀQu, and the gradient of the whole objective as a cubic polynomial in φ."""
    penalty = BOOK.plugin("penalties", name).load()
    runs = [draw_rows(s, 50, dim, (0.2, 1.0, 0.5)[: 3 - s]) for s in range(2)]
    problem = problem_of(runs, error_weight=0.1)
    phi = torch.randn(2 * dim, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    slope = problem.slope(phi)
    cubic = polynomial.gradient_coefficients(problem, penalty.quartic(problem))
    found = polynomial.gradient(phi, replace(problem, cubic=cubic), None)
    expected = problem.slots.total(penalty.gradient(slope, problem, None))
    expected += 2 * problem.error_weight * problem.slots.total(slope.residual)
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    u = penalty._coefficients(slope.phi)
    value = torch.einsum("pn,pqn,qn->n", u, penalty.quartic(problem), u)
    assert torch.allclose(value, penalty.value(slope, problem, None), rtol=1e-9, atol=1e-12)
