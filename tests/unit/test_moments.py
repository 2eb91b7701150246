"""Moments against the rows that they were made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench import moments
from irm_bench.moments import Accumulator


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


def test_covariance_must_be_asked_for() -> None:
    accumulator = Accumulator(2)
    with pytest.raises(ValueError, match="not asked"):
        accumulator.covariance()
