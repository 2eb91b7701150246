"""The laws of the penalty's estimators at a fixed φ, against simulation."""

import numpy as np
import pytest

from irm_bench import theory
from irm_bench.plugins.sems import example_1
from irm_bench.theory import moments

pytestmark = pytest.mark.spread


@pytest.mark.parametrize("d", [1, 2, 5])
def test_quadratic_coefficients_give_each_row_its_derivative(d: int) -> None:
    rng = np.random.default_rng(d)
    x, y, phi = rng.normal(size=(30, d)), rng.normal(size=30), rng.normal(size=(3, d))
    found = theory.quadratic_coefficients(phi) @ moments.products(x, y)
    fitted = phi @ x.T
    assert np.allclose(found, fitted * (fitted - y))


PHIS = {
    "oracle": (1.0, 1.0, 0.0, 0.0),
    "erm": (0.66, 0.66, 0.34, 0.34),
    "start": (1.0, 1.0, 1.0, 1.0),
}
ENVIRONMENT = {"sigma": 1.0, "gamma": 1.0, "tau": 1.0}


def simulated(
    phi: np.ndarray, n: int, n_replicates: int
) -> tuple[dict[str, np.ndarray], tuple[float, float]]:
    """Estimates (n_replicates,) of the penalty by name, and the cumulants κ₃, κ₄ of h."""
    x, y = example_1.sample(np.random.default_rng(n), n * n_replicates, ENVIRONMENT, {"dim": 2})
    h = ((x @ phi) * (x @ phi - y)).reshape(n_replicates, n)
    mean, variance = h.mean(1), h.var(1, ddof=1)
    estimates = {
        "plug_in": 4 * mean**2,
        "split_half": 4 * h[:, ::2].mean(1) * h[:, 1::2].mean(1),
        "u_statistic": 4 * (mean**2 - variance / n),
    }
    centred = h - h.mean()
    fourth = (centred**4).mean() - 3 * (centred**2).mean() ** 2
    return estimates, (float((centred**3).mean()), float(fourth))


@pytest.mark.parametrize("name", PHIS)
def test_estimators_have_the_moments_of_their_law(name: str) -> None:
    phi, n = np.array(PHIS[name]), 6
    population = example_1.population(ENVIRONMENT, {"dim": 2})
    laws = theory.penalty_estimators(
        phi, population, example_1.product_covariance(ENVIRONMENT, {"dim": 2}), n
    )
    estimates, (third, fourth) = simulated(phi, n, 40_000)
    q = phi @ (population.gram @ phi - population.cross)
    omitted = {"plug_in": 64 * q * third / n**2 + 16 * fourth / n**3}
    for estimator, values in estimates.items():
        law = laws[estimator]
        spread = (values - values.mean()) ** 2
        error = 5 / np.sqrt(len(values))
        assert abs(values.mean() - 4 * q**2 - law.bias) < error * values.std()
        expected = law.variance + omitted.get(estimator, 0.0)
        assert abs(values.var() - expected) < error * spread.std() + 0.05 * expected


@pytest.mark.parametrize("name", PHIS)
def test_estimators_are_as_often_negative_as_their_law_says(name: str) -> None:
    phi, n = np.array(PHIS[name]), 200
    laws = theory.penalty_estimators(
        phi,
        example_1.population(ENVIRONMENT, {"dim": 2}),
        example_1.product_covariance(ENVIRONMENT, {"dim": 2}),
        n,
    )
    for estimator, values in simulated(phi, n, 4000)[0].items():
        assert (values < 0).mean() == pytest.approx(laws[estimator].negative_share, abs=0.03)


def test_at_a_zero_of_the_penalty_every_second_split_is_negative() -> None:
    laws = theory.penalty_estimators(
        np.stack([example_1.causal_solution({"dim": 2}), np.zeros(4)]),
        example_1.population(ENVIRONMENT, {"dim": 2}),
        example_1.product_covariance(ENVIRONMENT, {"dim": 2}),
        100,
    )
    assert np.allclose(laws["split_half"].negative_share, [0.5, 0.0])
    assert np.allclose(laws["u_statistic"].negative_share, [0.6827, 0.0], atol=1e-4)
    assert np.array_equal(laws["plug_in"].negative_share, [0.0, 0.0])
    ratio = laws["split_half"].variance[0] / laws["plug_in"].variance[0]
    assert ratio == pytest.approx(2.0)
