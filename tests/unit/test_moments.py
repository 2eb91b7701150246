"""Moments against the rows that they were made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from irm_bench.plugins.sems import example_1
from irm_bench.stages.evaluate import correlations
from irm_bench.theory import moments
from irm_bench.theory.moments import Accumulator, Moments


def draw(seed: int, n: int = 60, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(1.0, 2.0, size=n)


def accumulate(x: np.ndarray, y: np.ndarray, chunk: int) -> Accumulator:
    accumulator = Accumulator(x.shape[1], with_covariance=True)
    for first in range(0, len(y), chunk):
        accumulator.add(x[first : first + chunk], y[first : first + chunk])
    return accumulator


@given(seed=st.integers(0, 1000), d=st.integers(1, 5))
def test_risk_is_the_mean_squared_error_of_the_rows(seed: int, d: int) -> None:
    x, y = draw(seed, d=d)
    phi = np.random.default_rng(seed + 1).normal(size=d)
    found = moments.risk(phi, accumulate(x, y, 60).moments())
    assert found == pytest.approx(np.mean((x @ phi - y) ** 2), rel=1e-12)


@pytest.mark.parametrize("d", range(1, 8))
def test_a_seeds_risk_has_the_same_bits_alone_and_among_others(d: int) -> None:
    rng = np.random.default_rng(d)
    for _ in range(50):
        many = Moments(rng.normal(size=(6, d, d)), rng.normal(size=(6, d)), rng.normal(size=6))
        phi, steps = rng.normal(size=(6, d)), rng.normal(size=(3, d, 6)).transpose(0, 2, 1)
        together, along = moments.risk(phi, many), moments.risk(steps, many)
        shared = moments.risk(phi, many.at(0))
        assert np.array_equal(moments.risk(np.asfortranarray(phi), many), together)
        for few in (slice(0, 1), slice(2, 4), slice(3, 6)):
            assert np.array_equal(moments.risk(phi[few], many.at(few)), together[few])
            assert np.array_equal(moments.risk(phi[few], many.at(0)), shared[few])
            assert np.array_equal(moments.risk(steps[:, few], many.at(few)), along[:, few])
        assert moments.risk(phi[0], many.at(0)) == together[0] == shared[0]


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_chunks_make_no_difference_but_rounding(chunk: int) -> None:
    x, y = draw(0)
    whole, parts = accumulate(x, y, 60), accumulate(x, y, chunk)
    for name in ("gram", "cross", "target", "mean"):
        expected = getattr(whole.moments(), name)
        assert np.allclose(getattr(parts.moments(), name), expected, rtol=1e-12, atol=1e-14)
    assert np.allclose(parts.covariance(), whole.covariance(), rtol=1e-10, atol=1e-12)


def test_covariance_is_that_of_the_products() -> None:
    x, y = draw(1)
    expected = np.cov(moments.products(x, y))
    assert np.allclose(accumulate(x, y, 60).covariance(), expected, rtol=1e-10, atol=1e-12)


def test_products_carry_the_rowwise_derivative_along_w() -> None:
    """∂_w (w φᵀx − y)² at w = 1 is 2 (φᵀx)(φᵀx − y) = 2 uᵀm."""
    x, y = draw(2)
    phi = np.array([0.5, -1.0, 2.0])
    gram, cross = moments.unpack_products(moments.products(x, y), 3)
    fitted = np.einsum("i,ijn,j->n", phi, gram, phi) - phi @ cross
    assert np.allclose(fitted, (x @ phi) * (x @ phi - y))


def test_mean_of_products_are_the_moments() -> None:
    x, y = draw(3)
    gram, cross = moments.unpack_products(moments.products(x, y).mean(axis=1), 3)
    found = accumulate(x, y, 60).moments()
    assert np.allclose(gram, found.gram)
    assert np.allclose(cross, found.cross)


def drawn(seed: int, n: int) -> list[Moments]:
    """Moments of 400 datasets: drawn as rows, or drawn themselves."""
    environment = {"sigma": 0.7, "gamma": 1.0, "tau": 1.0}
    rngs = [np.random.default_rng([seed, i]) for i in range(800)]
    parts = []
    for rng in rngs[:400]:
        accumulator = Accumulator(4)
        accumulator.add(*example_1.sample(rng, n, environment, {"dim": 2}))
        parts.append(accumulator.moments())
    return [moments.stack(parts), example_1.sample_moments(rngs[400:], n, environment, {"dim": 2})]


@pytest.mark.parametrize("n", [7, 50, 2000])
def test_moments_drawn_alone_have_the_law_of_those_of_rows(n: int) -> None:
    """Kolmogorov–Smirnov, two samples: every moment and mean, and what depends on them jointly."""
    rows, alone = drawn(n, n)
    phi = np.array([0.6, 0.9, 0.3, 0.2])
    seen = {
        **{f"gram {i}{j}": lambda m, i=i, j=j: m.gram[:, i, j] for i in range(4) for j in range(4)},
        **{f"cross {i}": lambda m, i=i: m.cross[:, i] for i in range(4)},
        **{f"mean {i}": lambda m, i=i: m.mean[:, i] for i in range(5)},
        **{f"correlation {i}": lambda m, i=i: correlations(m)[:, i] for i in range(4)},
        "target": lambda m: m.target,
        "risk": lambda m: moments.risk(phi, m),
        "slope": lambda m: np.einsum("i,sij,j->s", phi, m.gram, phi) - m.cross @ phi,
        "determinant": lambda m: np.linalg.det(m.gram),
    }
    for name, of in seen.items():
        assert stats.ks_2samp(of(rows), of(alone)).pvalue > 1e-4, name
    assert np.allclose(alone.gram, alone.gram.transpose(0, 2, 1), rtol=1e-12)


def test_moments_of_a_billion_rows_are_the_populations() -> None:
    environment = {"sigma": 0.1, "gamma": 1.0, "tau": 1.0}
    n = 1_000_000_000
    found = example_1.sample_moments([np.random.default_rng(0)], n, environment, {"dim": 2}).at(0)
    truth = example_1.population(environment, {"dim": 2})
    assert np.allclose(found.gram, truth.gram, atol=6 * np.sqrt(2 / n) * truth.gram.max())
    assert not np.array_equal(found.gram, truth.gram)


def test_too_few_rows_have_no_wishart_law() -> None:
    environment = {"sigma": 0.1, "gamma": 1.0, "tau": 1.0}
    with pytest.raises(ValueError, match="5 rows have no Wishart law in 5 dimensions"):
        example_1.sample_moments([np.random.default_rng(0)], 5, environment, {"dim": 2})


def test_covariance_must_be_asked_for() -> None:
    accumulator = Accumulator(2)
    with pytest.raises(ValueError, match="not asked"):
        accumulator.covariance()
