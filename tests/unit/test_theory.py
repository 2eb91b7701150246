"""Theory against autograd, scipy, plain gradient descent and simulation."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import fsolve

from irm_bench import machine_code, theory
from irm_bench.plugins.sems import example_1
from irm_bench.theory import flow_loops, moments, small
from irm_bench.theory.moments import Accumulator, Moments

pytestmark = pytest.mark.spread

SIGMAS = (0.1, 1.0)
WEIGHT = 1e-5


def stable_rate(moments: Moments, start: np.ndarray, safety: float) -> np.ndarray:
    """A fraction of gradient descent's stability limit 2/λ at the start."""
    largest = np.linalg.eigvalsh(theory.hessian(start, moments, WEIGHT))[..., -1]
    return safety * 2 / largest


def training(sigmas: Sequence[float], dim: int) -> Moments:
    """Population of Example 1."""
    return moments.stack(
        example_1.population({"sigma": s, "gamma": 1.0, "tau": 1.0}, {"dim": dim}) for s in sigmas
    )


def random_moments(seed: int, axes: tuple[int, ...], d: int) -> Moments:
    """Moments of rows that follow no particular model: axes (..., E)."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(*axes, 3 * d, d)), rng.normal(1.0, 2.0, size=(*axes, 3 * d))
    gram = np.einsum("...ni,...nj->...ij", x, x) / (3 * d)
    cross = np.einsum("...ni,...n->...i", x, y) / (3 * d)
    return Moments(gram, cross, (y**2).mean(-1))


def sample_moments(n_seeds: int, n: int, sigmas: Sequence[float], dim: int) -> Moments:
    """Sample moments of Example 1: leading axes (seed, E)."""
    rng = np.random.default_rng(0)

    def one(sigma: float) -> Moments:
        accumulator = Accumulator(2 * dim)
        accumulator.add(
            *example_1.sample(rng, n, {"sigma": sigma, "gamma": 1.0, "tau": 1.0}, {"dim": dim})
        )
        return accumulator.moments()

    return moments.stack(moments.stack(one(s) for s in sigmas) for _ in range(n_seeds))


@pytest.mark.parametrize(("n_environments", "d"), [(1, 1), (2, 4), (5, 3)])
@pytest.mark.parametrize("weight", [0.0, 1e-5, 1.0])
def test_loops_compute_what_the_formulas_of_arrays_do(
    n_environments: int, d: int, weight: float
) -> None:
    """To the bit: so that a table does not hang on which of the two made it."""
    given = random_moments(d, (n_environments,), d)
    phi = np.random.default_rng(1).normal(size=d)
    arrays = given.gram, given.cross
    value = for_python("value")(*arrays, given.target, weight, phi)
    assert value == theory.objective(phi, given, weight)
    gradient, hessian = (for_python(name)(*arrays, weight, phi) for name in ("gradient", "hessian"))
    assert (gradient == theory.gradient(phi, given, weight)).all()
    assert (hessian == theory.hessian(phi, given, weight)).all()
    error_gradient = for_python("error_gradient")(*arrays, phi)
    assert (error_gradient == theory.error_gradient(phi, given)).all()


@cache
def for_python(name: str) -> Callable[..., Any]:
    """A part of the loops' objective, which compiled functions alone may call."""
    return machine_code.kept(getattr(flow_loops._objective(), name).py_func)


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_loops_solve_with_pivots(first: float) -> None:
    matrix = np.array([[first, 2.0, 1.0], [1.0, 0.0, 0.0], [3.0, 0.0, 1.0]])
    right = np.array([1.0, -2.0, 0.5])
    solved = flow_loops._solve(matrix.copy(), right.copy())
    assert (solved == small.solve(matrix, right)).all()
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, right), rtol=1e-14)


def symmetric_gradient(ab: Sequence[float], sigmas: Sequence[float], weight: float) -> np.ndarray:
    """Gradient in (a, b) of Example 1's IRM objective at dim = 1.

    The risk is σ²((a+b−1)² + (b−1)²) + b² and its derivative along w is twice
    q = σ²((a+b)(a+b−1) + b(b−1)) + b². With dim equal components the risk is dim times that and
    the penalty dim² times, so the objective is dim² times this one at error weight / dim.
    """
    a, b = ab
    total = np.zeros(2)
    for s in np.square(sigmas):
        risk = np.array([2 * s * (a + b - 1), 2 * s * (a + 2 * b - 2) + 2 * b])
        q = s * ((a + b) * (a + b - 1) + b * (b - 1)) + b**2
        slope = np.array([s * (2 * (a + b) - 1), s * (2 * (a + b) - 1 + 2 * b - 1) + 2 * b])
        total += weight * risk + 8 * q * slope
    return total


# --- objectives ---------------------------------------------------------------------------------


def test_penalty_is_the_squared_derivative_along_the_dummy_classifier() -> None:
    rng = np.random.default_rng(0)
    phi, expected, parts = rng.normal(size=3), 0.0, []
    for _ in range(2):
        x, y = rng.normal(size=(40, 3)), rng.normal(size=40)
        accumulator = Accumulator(3)
        accumulator.add(x, y)
        parts.append(accumulator.moments())
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        loss = ((torch.tensor(x @ phi) * w - torch.tensor(y)) ** 2).mean()
        expected += float(torch.autograd.grad(loss, w)[0] ** 2)
    assert theory.penalty(phi, moments.stack(parts)) == pytest.approx(expected, rel=1e-10)


def autograd(problem: Moments, phi: np.ndarray, weight: float) -> tuple[np.ndarray, np.ndarray]:
    gram, cross, target = (
        torch.tensor(np.asarray(part)) for part in (problem.gram, problem.cross, problem.target)
    )

    def objective(p: torch.Tensor) -> torch.Tensor:
        risks = torch.einsum("i,eij,j->e", p, gram, p) - 2 * cross @ p + target
        q = torch.einsum("i,eij,j->e", p, gram, p) - cross @ p
        return weight * risks.sum() + ((2 * q) ** 2).sum()

    point = torch.tensor(phi)
    slope = torch.autograd.functional.jacobian(objective, point)
    curvature = torch.autograd.functional.hessian(objective, point)
    return slope.numpy(), curvature.numpy()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 999),
    n_environments=st.integers(1, 4),
    d=st.integers(1, 6),
    weight=st.sampled_from([0.0, 1e-5, 1.0, 30.0]),
)
def test_derivatives_are_those_of_autograd(
    seed: int, n_environments: int, d: int, weight: float
) -> None:
    problem = random_moments(seed, (n_environments,), d)
    phi = np.random.default_rng(seed).normal(size=d)
    slope, curvature = autograd(problem, phi, weight)
    assert np.allclose(theory.gradient(phi, problem, weight), slope, rtol=1e-9, atol=1e-9)
    assert np.allclose(theory.hessian(phi, problem, weight), curvature, rtol=1e-9, atol=1e-9)
    risks = moments.risk(phi, problem).sum()
    expected = weight * risks + theory.penalty(phi, problem)
    assert theory.objective(phi, problem, weight) == pytest.approx(expected, rel=1e-10)


def test_batches_broadcast() -> None:
    problem = random_moments(0, (7, 3), 4)
    phi = np.random.default_rng(1).normal(size=(5, 1, 4))
    weight = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    for function, tail in [
        (theory.objective, ()),
        (theory.gradient, (4,)),
        (theory.hessian, (4, 4)),
    ]:
        found = function(phi, problem, weight)
        assert found.shape == (5, 7, *tail)
        single = function(phi[2, 0], problem.at(3), 0.4)
        assert np.allclose(found[2, 3], single, rtol=1e-12)


@pytest.mark.parametrize("d", [1, 4])
def test_least_squares_minimises_the_risks(d: int) -> None:
    problem = random_moments(2, (6, 3), d)
    each, pooled = theory.least_squares(problem), theory.pooled_least_squares(problem)
    assert each.shape == (6, 3, d)
    assert pooled.shape == (6, d)
    residual = np.einsum("...ij,...j->...i", problem.gram, each) - problem.cross
    assert np.allclose(residual, 0, atol=1e-12)
    assert np.allclose(theory.error_gradient(pooled, problem), 0, atol=1e-11)


def test_least_squares_of_collinear_features_has_the_least_norm() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 4)), rng.normal(size=50)
    accumulator = Accumulator(4)
    accumulator.add(x, y)
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    assert np.allclose(theory.least_squares(accumulator.moments()), expected, rtol=1e-8)


# --- minimisers ---------------------------------------------------------------------------------


def test_exact_minimiser_of_the_notebook() -> None:
    found = theory.flow_minimum(training(SIGMAS, 2), WEIGHT)
    assert np.allclose(found.phi, [0.99978, 0.99978, 0.00854, 0.00854], atol=5e-6)
    assert found.converged
    assert found.gradient_norm < 1e-12
    assert np.all(np.linalg.eigvalsh(theory.hessian(found.phi, training(SIGMAS, 2), WEIGHT)) > 0)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("sigmas", [SIGMAS, (0.1, 1.0, 2.0)])
@pytest.mark.parametrize("weight", [1e-5, 1e-2, 10.0])
def test_minimum_is_that_of_the_symmetric_reduction(
    dim: int, sigmas: tuple[float, ...], weight: float
) -> None:
    found = theory.flow_minimum(training(sigmas, dim), weight)
    assert found.converged
    start = found.phi[[0, -1]] + 1e-3
    reduced = fsolve(lambda ab: symmetric_gradient(ab, sigmas, weight / dim), start, xtol=1e-11)
    assert np.allclose(found.phi, np.repeat(reduced, dim), atol=1e-7)


def test_large_error_weights_lead_to_erm() -> None:
    train = training(SIGMAS, 2)
    found = theory.flow_minimum(train, np.array([1e6, 1e8]))
    distance = np.abs(found.phi - theory.pooled_least_squares(train)).max(-1)
    assert found.converged.all()
    assert distance[0] < 1e-5
    assert distance[1] < 1e-7


@pytest.mark.parametrize(("dim", "weight"), [(1, 1e-5), (1, 1e-2), (2, 1e-3)])
def test_minimum_is_the_end_of_the_gradient_flow(dim: int, weight: float) -> None:
    """For dim = 1 there are three minima: the start decides."""
    train = training((0.1, 1.5), dim)
    starts = np.random.default_rng(1).normal(scale=1.5, size=(12 // dim**2, 2 * dim))
    found = theory.minimise(train, weight, starts, max_move=0.02)
    assert found.converged.all()
    ends = [
        solve_ivp(
            lambda _, phi: -theory.gradient(phi, train, weight),
            (0, 100 / weight),
            start,
            method="Radau",
            jac=lambda _, phi: -theory.hessian(phi, train, weight),
            rtol=1e-6,
            atol=1e-9,
        ).y[:, -1]
        for start in starts
    ]
    assert np.allclose(found.phi, ends, atol=1e-4)
    if dim == 1:
        assert len(np.unique(np.round(found.phi, 4), axis=0)) > 1


def test_minimise_stays_in_the_basin_of_its_start() -> None:
    train = training((0.1, 1.5), 1)
    starts = np.random.default_rng(0).normal(scale=1.5, size=(50, 2))
    minima = np.unique(np.round(theory.minimise(train, WEIGHT, starts).phi, 4), axis=0)
    minima = theory.minimise(train, WEIGHT, minima).phi
    assert len(minima) == 3
    nearby = minima + 1e-3 * np.random.default_rng(1).normal(size=(20, 3, 2))
    assert np.allclose(theory.minimise(train, WEIGHT, nearby).phi, minima, atol=1e-5)


@pytest.mark.parametrize(
    ("n", "sigmas", "dim"), [(1000, SIGMAS, 2), (500, (0.1, 0.7, 1.5), 1), (500, SIGMAS, 5)]
)
def test_sample_minima_of_a_batch(n: int, sigmas: tuple[float, ...], dim: int) -> None:
    """They are where gradient descent is heading, and the same bits alone or in company."""
    problem = sample_moments(40, n, sigmas, dim)
    start = np.ones(2 * dim)
    found = theory.flow_minimum(problem, WEIGHT)
    assert found.phi.shape == (40, 2 * dim)
    assert found.converged.all()
    assert np.all(found.objective < theory.objective(start, problem, WEIGHT))
    rate = stable_rate(problem, start, 0.5)
    descended = theory.descent_path(problem, WEIGHT, rate, [3000])[0]
    assert np.allclose(theory.minimise(problem, WEIGHT, descended).phi, found.phi, atol=1e-6)
    for part in (slice(0, 1), slice(3, 10)):
        assert np.array_equal(theory.flow_minimum(problem.at(part), WEIGHT).phi, found.phi[part])
    assert np.array_equal(theory.flow_minimum(problem.at(4), WEIGHT).phi, found.phi[4])


@pytest.mark.parametrize("sigmas", [(1.0,), SIGMAS])
def test_penalty_alone_ends_on_its_zeros(sigmas: tuple[float, ...]) -> None:
    train = training(sigmas, 2)
    starts = np.random.default_rng(3).normal(size=(20, 4))
    found = theory.minimise(train, 0.0, starts)
    assert found.converged.all()
    assert np.all(found.objective < 1e-14)
    assert np.linalg.matrix_rank(np.round(found.phi, 3)) > 1  # no single point
    if len(sigmas) == 2:
        assert np.allclose(found.phi[:, 2:], 0, atol=1e-3)
        assert np.allclose(((found.phi[:, :2] - 0.5) ** 2).sum(-1), 0.5, atol=1e-2)


def test_collinear_features_are_no_obstacle() -> None:
    """Every feature twice: the flow never leaves the diagonal, where two half weights make one."""
    train = training(SIGMAS, 1)
    twice = Moments(np.tile(train.gram, (1, 2, 2)), np.tile(train.cross, (1, 2)), train.target)
    for weight in (WEIGHT, 1.0):
        once = theory.minimise(train, weight, np.array([1.0, 1.0]))
        found = theory.minimise(twice, weight, np.full(4, 0.5))
        assert found.converged
        assert np.allclose(found.phi[:2] + found.phi[2:], once.phi, atol=1e-6)
    assert theory.minimise(twice, 0.0, np.full(4, 0.5)).converged
    # a tolerance out of reach makes the steps as long as they can get
    endless = theory.minimise(twice, 0.0, np.full(4, 0.5), tolerance=0.0, max_iterations=300)
    assert not endless.converged
    assert endless.gradient_norm < 1e-12


def test_diverged_starts_are_returned_as_they_are() -> None:
    starts = np.array([[np.nan, 1.0], [np.inf, 0.0], [1e200, 1.0], [1.0, 1.0]])
    found = theory.minimise(training(SIGMAS, 1), WEIGHT, starts)
    assert np.array_equal(found.phi[:3], starts[:3], equal_nan=True)
    assert found.converged.tolist() == [False, False, False, True]


# --- paths --------------------------------------------------------------------------------------


def test_path_of_the_notebook() -> None:
    """Half of Z's weight after 50,000 steps is unfinished optimisation."""
    train = training(SIGMAS, 2)
    path = theory.descent_path(train, WEIGHT, 1e-3, [0, 1, 50_000])
    assert np.array_equal(path[0], np.ones(4))
    assert np.allclose(path[1], 1 - 1e-3 * theory.gradient(np.ones(4), train, WEIGHT))
    assert np.allclose(path[2], [0.99899, 0.99899, 0.01863, 0.01863], atol=5e-6)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("sigmas", [SIGMAS, (0.1, 0.5, 1.0)])
def test_path_is_that_of_the_symmetric_reduction(dim: int, sigmas: tuple[float, ...]) -> None:
    rate = 1e-3 / dim
    ab = np.ones(2)
    for _ in range(500):
        ab = ab - rate * dim * symmetric_gradient(ab, sigmas, WEIGHT / dim)
    path = theory.descent_path(training(sigmas, dim), WEIGHT, rate, [500])
    assert np.allclose(path[0], np.repeat(ab, dim), rtol=1e-10)


def test_error_alone_descends_to_erm() -> None:
    train = training(SIGMAS, 2)
    path = theory.descent_path(train, 1.0, 1e-2, [10, 20_000], with_penalty=False)
    decay = np.linalg.matrix_power(np.eye(4) - 2e-2 * train.gram.sum(0), 10)
    pooled = theory.pooled_least_squares(train)
    assert np.allclose(path[0], pooled + decay @ (np.ones(4) - pooled))
    assert np.allclose(path[1], pooled, atol=1e-8)


def test_paths_of_a_batch() -> None:
    problem, rates = random_moments(4, (5, 2), 3), np.linspace(1e-4, 1e-3, 5)
    starts = np.random.default_rng(0).normal(size=(5, 3))
    path = theory.descent_path(problem, 0.1, rates, [7, 3], start=starts)
    assert path.shape == (2, 5, 3)
    for i in range(5):
        single = theory.descent_path(problem.at(i), 0.1, rates[i], [3, 7], start=starts[i])
        assert np.allclose(path[::-1, i], single, rtol=1e-12)


def test_a_capped_learning_rate_is_needed_at_sigma_2() -> None:
    train, start = training((0.1, 2.0), 2), np.ones(4)
    assert not np.isfinite(theory.descent_path(train, WEIGHT, 1e-3, [10])).all()
    rate = stable_rate(train, start, 0.8)
    assert rate < 2e-4
    path = theory.descent_path(train, WEIGHT, rate, [10, 20_000])
    values = theory.objective(np.stack([start, *path]), train, WEIGHT)
    assert np.all(np.diff(values) < 0)
    found = theory.minimise(train, WEIGHT, path[-1])
    assert np.allclose(found.phi, theory.flow_minimum(train, WEIGHT).phi, atol=1e-6)


# --- decomposition, crossings -------------------------------------------------------------------


def test_excess_risk_is_the_sum_of_its_terms() -> None:
    problem = sample_moments(6, 1000, SIGMAS, 2)
    trained = theory.descent_path(problem, WEIGHT, 1e-3, [2000])[0]
    converged = theory.minimise(problem, WEIGHT, trained).phi
    population = theory.flow_minimum(training(SIGMAS, 2), WEIGHT).phi
    causal = example_1.causal_solution({"dim": 2})
    for sigma in (0.01, 0.1, 1.0, 3.0):
        environment = {"sigma": sigma, "gamma": 1.0, "tau": 1.0}
        where = example_1.population(environment, {"dim": 2})
        found = theory.decompose(trained, converged, population, causal, where)
        total = found.objective_bias + found.optimisation_gap + found.estimation_error
        excess = moments.risk(trained, where) - example_1.noise_floor(environment, {"dim": 2})
        assert found.excess.shape == (6,)
        assert np.allclose(total, found.excess, atol=1e-14)
        assert np.allclose(found.excess, excess, atol=1e-14)
        assert found.objective_bias == pytest.approx(
            example_1.symmetric_risk(*population[[0, -1]], 2, environment) - 2 * sigma**2, abs=1e-14
        )


def test_terms_vanish_where_nothing_is_lost() -> None:
    train = training(SIGMAS, 2)
    causal, other = example_1.causal_solution({"dim": 2}), np.full(4, 0.3)
    found = theory.decompose(other, causal, causal, causal, train)
    assert np.all(found.objective_bias == 0)
    assert np.all(found.estimation_error == 0)
    assert np.array_equal(found.optimisation_gap, found.excess)


def test_crossings_are_all_found() -> None:
    def cubic(sigma: float) -> float:
        return (sigma - 0.5) * (sigma - 1.0) * (sigma - 2.25)

    grid = np.linspace(0.0, 3.0, 13)  # 0.5, 1 and 2.25 are on it
    for points in (grid, grid + 0.01):
        found = theory.crossing_sigmas(cubic, lambda _: 0.0, points)
        assert np.allclose(found, [0.5, 1.0, 2.25], atol=1e-12)


def test_curves_that_touch_or_stay_apart_do_not_cross() -> None:
    for curve in (lambda s: (s - 1.0) ** 2, lambda s: s + 1.0, lambda s: 0.0):
        assert theory.crossing_sigmas(curve, lambda _: 0.0, [0.0, 0.5, 1.0, 2.0]).shape == (0,)


def test_crossings_of_a_diverged_model_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        theory.crossing_sigmas(lambda _: np.nan, lambda s: s, [0.1, 1.0])
