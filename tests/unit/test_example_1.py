"""The closed forms of Example 1 against Monte Carlo and against the general route by moments."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench import theory
from irm_bench.plugins.sems import example_1
from irm_bench.theory import moments
from irm_bench.theory.moments import Moments

ENVIRONMENTS = [
    {"sigma": 0.1, "gamma": 1.0, "tau": 1.0},
    {"sigma": 1.0, "gamma": 1.0, "tau": 1.0},
    {"sigma": 0.7, "gamma": -1.5, "tau": 0.4},
]
DIMS = (1, 2, 5)
N_ROWS = 200_000

environments = st.fixed_dictionaries(
    {"sigma": st.floats(0.01, 10), "gamma": st.floats(-3, 3), "tau": st.floats(0.1, 3)}
)
every_case = pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
every_dim = pytest.mark.parametrize("dim", DIMS)


def rows(dim: int, environment: dict[str, float], n: int = N_ROWS) -> tuple[np.ndarray, np.ndarray]:
    return example_1.sample(np.random.default_rng(dim), n, environment, {"dim": dim})


def training(sigmas: Sequence[float], dim: int, gamma: float = 1.0, tau: float = 1.0) -> Moments:
    return moments.stack(
        example_1.population({"sigma": s, "gamma": gamma, "tau": tau}, {"dim": dim}) for s in sigmas
    )


def symmetric(a: float, b: float, dim: int) -> np.ndarray:
    return np.repeat([a, b], dim)


def within(found: np.ndarray, draws: np.ndarray, n_errors: float = 5.0) -> bool:
    """Whether the mean of draws (..., n) is within n_errors standard errors of ``found``."""
    error = draws.std(axis=-1) / np.sqrt(draws.shape[-1])
    return bool(np.all(np.abs(draws.mean(axis=-1) - found) <= n_errors * error + 1e-15))


@every_dim
@every_case
def test_population_moments_are_those_of_the_rows(dim: int, environment: dict[str, float]) -> None:
    x, y = rows(dim, environment, 20_000)
    found = example_1.population(environment, {"dim": dim})
    mean = np.concatenate([found.gram[np.triu_indices(2 * dim)], found.cross])
    assert within(mean, moments.products(x, y))
    assert within(found.target, y**2)
    assert within(found.mean, np.vstack([x.T, y]))


@every_dim
@every_case
def test_symmetric_risk_is_the_mean_squared_error(dim: int, environment: dict[str, float]) -> None:
    x, y = rows(dim, environment)
    for a, b in [(0.7, 0.3), (1.0, 1.0), (-0.2, 0.5)]:
        found = example_1.symmetric_risk(a, b, dim, environment)
        assert within(found, (x @ symmetric(a, b, dim) - y) ** 2)


@given(environment=environments, dim=st.integers(1, 5), a=st.floats(-2, 2), b=st.floats(-2, 2))
def test_symmetric_risk_is_the_risk_by_moments(
    environment: dict[str, float], dim: int, a: float, b: float
) -> None:
    population = example_1.population(environment, {"dim": dim})
    found = example_1.symmetric_risk(a, b, dim, environment)
    general = moments.risk(symmetric(a, b, dim), population)
    assert found == pytest.approx(general, rel=1e-9, abs=1e-12 * float(population.gram.max()))


@every_dim
@every_case
def test_noise_floor_is_the_risk_of_the_oracle(dim: int, environment: dict[str, float]) -> None:
    floor = example_1.noise_floor(environment, {"dim": dim})
    assert floor == pytest.approx(example_1.symmetric_risk(1.0, 0.0, dim, environment))
    causal = example_1.causal_solution({"dim": dim})
    assert floor == pytest.approx(
        moments.risk(causal, example_1.population(environment, {"dim": dim}))
    )


@every_dim
@every_case
def test_correlations_match_rows_and_moments(dim: int, environment: dict[str, float]) -> None:
    found = example_1.correlations(environment, {"dim": dim})
    population = example_1.population(environment, {"dim": dim})
    general = population.cross / np.sqrt(np.diag(population.gram) * population.target)
    assert np.allclose(found, general, rtol=1e-12)
    x, y = rows(dim, environment)
    sampled = [np.corrcoef(column, y)[0, 1] for column in x.T]
    assert np.allclose(found, sampled, atol=5 / np.sqrt(N_ROWS))


def test_correlations_of_the_notebook() -> None:
    """Its printed values at σ = 0.01, 0.1, 1 are samples of 10,000 rows of these."""
    printed = {0.01: (0.5015, 0.0238), 0.1: (0.5070, 0.1082), 1.0: (0.4938, 0.5753)}
    for sigma, values in printed.items():
        found = example_1.correlations({"sigma": sigma, "gamma": 1.0, "tau": 1.0}, {"dim": 2})
        assert found[0] == pytest.approx(0.5)
        assert found[2] == pytest.approx(sigma / np.sqrt(2 * sigma**2 + 1))
        assert np.allclose(found[[0, 2]], values, atol=4 / np.sqrt(10_000))


@pytest.mark.parametrize("dim", [1, 2])
@every_case
def test_product_covariance_is_that_of_the_rows(dim: int, environment: dict[str, float]) -> None:
    drawn = moments.products(*rows(dim, environment))
    centred = drawn - drawn.mean(axis=1, keepdims=True)
    found = example_1.product_covariance(environment, {"dim": dim})
    for p in range(len(drawn)):
        assert within(found[p], centred[p] * centred, n_errors=6)


@every_dim
def test_product_covariance_is_a_covariance(dim: int) -> None:
    found = example_1.product_covariance(ENVIRONMENTS[2], {"dim": dim})
    n_features = 2 * dim
    assert found.shape == (n_features * (n_features + 3) // 2,) * 2
    assert np.array_equal(found, found.T)
    assert np.linalg.eigvalsh(found).min() > -1e-12


@every_dim
@every_case
def test_regressions_are_the_least_squares(dim: int, environment: dict[str, float]) -> None:
    found = example_1.regressions(environment)
    population = example_1.population(environment, {"dim": dim})
    first, second = slice(0, dim), slice(dim, 2 * dim)
    for name, kept in {"x": first, "z": second, "both": slice(None)}.items():
        part = Moments(population.gram[kept, kept], population.cross[kept], population.target)
        expected = symmetric(*found[name], dim)[kept]
        assert np.allclose(theory.least_squares(part), expected, rtol=1e-10, atol=1e-12)


def test_regressions_match_rows() -> None:
    environment = ENVIRONMENTS[2]
    x, y = rows(2, environment)
    fitted = np.linalg.lstsq(x, y, rcond=None)[0]
    assert np.allclose(fitted, symmetric(*example_1.regressions(environment)["both"], 2), atol=0.02)


def test_regressions_of_the_paper() -> None:
    """Section 2: X alone 1; Z alone σ²/(σ² + ½); both 1/(σ² + 1) and σ²/(σ² + 1)."""
    found = example_1.regressions({"sigma": 2.0, "gamma": 1.0, "tau": 1.0})
    assert found["x"] == (1.0, 0.0)
    assert found["z"] == pytest.approx((0.0, 4 / 4.5))
    assert found["both"] == pytest.approx((1 / 5, 4 / 5))


@every_dim
@pytest.mark.parametrize("sigmas", [(0.1, 1.0), (0.1, 1.0, 2.0), (0.5,)])
@pytest.mark.parametrize(("gamma", "tau"), [(1.0, 1.0), (-0.6, 2.0)])
def test_pooled_erm_is_the_pooled_least_squares(
    dim: int, sigmas: tuple[float, ...], gamma: float, tau: float
) -> None:
    mean_variance = float(np.mean(np.square(sigmas)))
    found = symmetric(*example_1.pooled_erm(mean_variance, gamma, tau), dim)
    general = theory.pooled_least_squares(training(sigmas, dim, gamma, tau))
    assert np.allclose(found, general, rtol=1e-10)


@pytest.mark.parametrize(("gamma", "tau"), [(1.0, 1.0), (0.5, 2.0), (-1.5, 0.4)])
@pytest.mark.parametrize("mean_variance", [0.01, 0.505, 4.0])
def test_erm_beats_the_oracle_above_the_crossing(
    mean_variance: float, gamma: float, tau: float
) -> None:
    a, b = example_1.pooled_erm(mean_variance, gamma, tau)

    def environment(sigma: float) -> dict[str, float]:
        return {"sigma": sigma, "gamma": gamma, "tau": tau}

    crossings = theory.crossing_sigmas(
        lambda sigma: float(example_1.symmetric_risk(a, b, 2, environment(sigma))),
        lambda sigma: example_1.noise_floor(environment(sigma), {"dim": 2}),
        np.geomspace(1e-3, 10, 50),
    )
    found = example_1.erm_crossing_sigma(mean_variance, gamma, tau)
    assert crossings == pytest.approx([found], rel=1e-9)
    above = environment(1.01 * found)
    assert example_1.symmetric_risk(a, b, 2, above) < example_1.noise_floor(above, {"dim": 2})


def test_crossing_of_the_notebook() -> None:
    mean_variance = (0.1**2 + 1) / 2
    assert example_1.erm_crossing_sigma(mean_variance) == pytest.approx(0.449, abs=5e-4)
    assert example_1.pooled_erm(mean_variance) == pytest.approx((0.66445, 0.33555), abs=5e-6)


@every_dim
@pytest.mark.parametrize(("gamma", "tau"), [(1.0, 1.0), (-1.5, 0.4)])
def test_worst_excess_bounds_the_sigma_family_only(dim: int, gamma: float, tau: float) -> None:
    mean_variance = 0.505
    a, b = example_1.pooled_erm(mean_variance, gamma, tau)
    bound = example_1.erm_worst_excess(dim, mean_variance, gamma, tau)

    def excess(**change: float) -> float:
        environment = {"sigma": 0.1, "gamma": gamma, "tau": tau} | change
        found = example_1.symmetric_risk(a, b, dim, environment)
        return float(found) - example_1.noise_floor(environment, {"dim": dim})

    curve = [excess(sigma=sigma) for sigma in np.geomspace(1e-6, 1e3, 200)]
    assert np.all(np.diff(curve) < 0)
    assert max(curve) < bound
    assert curve[0] == pytest.approx(bound, rel=1e-9)
    assert excess(tau=100 * tau) > 10 * bound
    assert excess(gamma=-100 * gamma) > 10 * bound


@every_dim
@pytest.mark.parametrize("sigmas", [(0.1, 1.0), (0.1, 1.0, 2.0)])
def test_penalty_vanishes_on_the_sphere(dim: int, sigmas: tuple[float, ...]) -> None:
    train = training(sigmas, dim, 0.8, 1.3)
    directions = np.random.default_rng(0).normal(size=(50, dim))
    zeros = example_1.penalty_zero(directions)
    assert zeros.shape == (50, 2 * dim)
    assert np.allclose(theory.penalty(zeros, train), 0, atol=1e-25)
    assert np.allclose(
        example_1.penalty_zero(np.ones(dim)), example_1.causal_solution({"dim": dim})
    )
    assert np.allclose(example_1.penalty_zero(-np.ones(dim)), 0)


@every_dim
def test_error_term_picks_the_oracle_out_of_the_zeros(dim: int) -> None:
    train = training((0.1, 1.0), dim)
    zeros = example_1.penalty_zero(np.random.default_rng(0).normal(size=(500, dim)))
    risks = moments.risk(zeros[:, None], train).sum(-1)
    best = moments.risk(example_1.causal_solution({"dim": dim}), train).sum()
    assert np.all(risks >= best - 1e-12)


@given(
    a=st.lists(st.floats(-2, 2), min_size=2, max_size=2),
    b=st.lists(st.floats(-2, 2), min_size=2, max_size=2),
)
def test_penalty_vanishes_nowhere_else(a: list[float], b: list[float]) -> None:
    """Over two environments the q_e = σ_e² A + B vanish together only where B = b·b = 0 = A."""
    phi = np.array([*a, *b])
    spurious = np.sum(np.square(b))
    off_sphere = (a[0] + b[0]) * (a[0] + b[0] - 1) + b[0] * (b[0] - 1)
    off_sphere += (a[1] + b[1]) * (a[1] + b[1] - 1) + b[1] * (b[1] - 1)
    values = np.array([0.1**2 * off_sphere + spurious, off_sphere + spurious])
    found = theory.penalty(phi, training((0.1, 1.0), 2))
    assert found == pytest.approx(4 * np.sum(values**2), rel=1e-9, abs=1e-20)
