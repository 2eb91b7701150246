"""Exact logistic risks of mixed normals, held to drawn rows, differences and known minima."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from irm_bench import config
from irm_bench.books.unit_tests import limits
from irm_bench.plugins.losses import logistic
from irm_bench.theory.mixtures import Mixture, mean_risk, minimum
from tests.unit.unit_tests_case import model_of

SEMS = ("cows_camels", "small_invariant_margin")


def law(sem: str, shuffled: int, **options: int) -> tuple[Mixture, np.ndarray, np.ndarray]:
    """The law of an environment, and rows of it."""
    model = model_of(sem, **options)
    mechanism = model.mechanism(0, 3)
    environment = {"number": 1.0, "shuffled": float(shuffled)}
    mixture = model.mixture(environment, mechanism)
    assert mixture is not None
    rows = model.sample(np.random.default_rng(1), 100_000, environment, mechanism)
    return mixture, *rows


@pytest.mark.parametrize("sem", SEMS)
@pytest.mark.parametrize("shuffled", [0, 1])
@pytest.mark.parametrize("options", [{"scramble": 1}, {"dim_spurious": 0}])
def test_risk_and_error_rate_are_those_of_many_rows(
    sem: str, shuffled: int, options: dict[str, int]
) -> None:
    """Within six standard errors, for predictors of the size that training finds."""
    mixture, x, y = law(sem, shuffled, **options)
    rng = np.random.default_rng(2)
    for scale in (0.3, 5.0):
        phi = scale * rng.normal(size=x.shape[1])
        measured = logistic.measure(x, y, phi)
        losses = np.logaddexp(0, x @ phi) - y * (x @ phi)
        error = 6 * losses.std() / np.sqrt(len(y)) + 1e-9
        assert abs(mixture.local(phi).value - measured["log_loss"]) < error
        assert abs(mixture.error_rate(phi) - measured["error_rate"]) < 6 * 0.5 / np.sqrt(len(y))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.1, 1.0, 8.0]))
def test_gradient_and_hessian_are_differences_of_the_risk(seed: int, scale: float) -> None:
    """Of any mixture, where the covariance is no multiple of the identity."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(3, 3)) / 2
    shares = rng.dirichlet(np.ones(4))
    labels = np.array([0.0, 1.0, 1.0, 0.0])
    mixture = Mixture(shares, rng.normal(size=(4, 3)), factor @ factor.T, labels).with_intercept()
    phi = scale * rng.normal(size=4)
    found = mixture.local(phi)
    step = 1e-5
    for j, along in enumerate(step * np.eye(4)):
        above, below = mixture.local(phi + along), mixture.local(phi - along)
        np.testing.assert_allclose(
            found.gradient[j], (above.value - below.value) / (2 * step), atol=2e-6
        )
        difference = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(found.hessian[j], difference, atol=2e-5)


def test_a_single_feature_has_a_minimum_that_is_known() -> None:
    """Two normals of variance v at ±m: the log odds of a row x are 2mx/v, which is the minimum."""
    mean, variance = 0.7, 1.3
    mixture = Mixture(
        np.array([0.5, 0.5]),
        np.array([[mean], [-mean]]),
        np.array([[variance]]),
        np.array([1.0, 0.0]),
    ).with_intercept()
    phi = minimum(mean_risk, [mixture.local], [np.zeros(2)])
    np.testing.assert_allclose(phi, [2 * mean / variance, 0.0], atol=1e-5)
    expected = special.ndtr(-mean / np.sqrt(variance))
    assert mixture.error_rate(phi) == pytest.approx(expected, abs=1e-9)


def test_few_features_whose_labels_are_not_the_animals_have_no_mixture() -> None:
    model = model_of("cows_camels", dim=1)
    environment = {"number": 0.0, "shuffled": 0.0}
    assert model.mixture(environment, model.mechanism(0, 0)) is None


@pytest.mark.parametrize("name", ["irm", "iga"])
def test_gradients_of_objectives_are_differences_of_their_values(name: str) -> None:
    mixtures = [law(sem, 0)[0] for sem in SEMS]
    rng = np.random.default_rng(5)

    def value(phi: np.ndarray) -> tuple[float, np.ndarray]:
        locals_ = [mixture.local(phi) for mixture in mixtures]
        return limits.OBJECTIVES[name](0.8, phi, locals_)

    phi = rng.normal(size=11)
    _, gradient = value(phi)
    for j, along in enumerate(1e-5 * np.eye(11)):
        difference = (value(phi + along)[0] - value(phi - along)[0]) / 2e-5
        assert gradient[j] == pytest.approx(difference, rel=1e-4, abs=1e-6)


def test_limits_of_the_first_example_are_in_closed_form() -> None:
    """ERM's is pooled least squares; the oracle's error is the noise of the target."""
    parsed = config.of_book("unit_tests")
    study = next(s for s in parsed.studies if s.name == "regression")
    rows = {row["method"]: row["error"] for row in limits.of_seed(1, study, 1, 7)}
    mechanism = study.model.mechanism(1, 7)
    moments = [study.model.population(e.mapping, mechanism) for e in study.train_sets[0]]
    gram = sum(one.gram for one in moments if one is not None)
    cross = sum(one.cross for one in moments if one is not None)
    phi = np.linalg.solve(gram, cross)
    tests = [study.model.population(e.mapping, mechanism) for e in study.test_environments]
    errors = [float(phi @ t.gram @ phi - 2 * phi @ t.cross + t.target) for t in tests if t]
    assert rows["erm"] == pytest.approx(np.mean(errors), rel=1e-5)
    assert rows["oracle"] == pytest.approx(5 * (0.1**2 + 1.5**2 + 2**2) / 3, rel=1e-6)
