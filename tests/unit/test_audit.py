"""The audit must see intervals that keep their promise, and those that do not."""

import zlib

import numpy as np
import pandas as pd
import pytest

from irm_bench.statistics.coverage import audit_coverage, audit_decisions

TRUTH = {"normal": 3.0, "skewed": 1.0, "biased": 3.0}
COLUMNS = ["quantity", "n_seeds", "interval", "nominal", "coverage", "coverage_low"]
COLUMNS += ["coverage_high", "mean_width", "n_replicates"]


def draw(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    return {
        "normal": rng.normal(3, 2, size),
        "skewed": rng.exponential(size=size),
        "biased": rng.normal(4, 2, size),
    }


def rng_for(*names: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(names).encode()))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return audit_coverage(draw, TRUTH, rng_for=rng_for)


def cell(table: pd.DataFrame, *key: object) -> pd.Series:
    return table.set_index(["quantity", "n_seeds", "interval"]).loc[key]


def monte_carlo_error(coverage: float, n_replicates: int = 2000) -> float:
    return np.sqrt(coverage * (1 - coverage) / n_replicates)


def test_columns_and_rows(table):
    assert list(table.columns) == COLUMNS
    assert len(table) == 3 * 4 * 2
    assert not table.duplicated(["quantity", "n_seeds", "interval"]).any()
    assert (table["nominal"] == 0.95).all()
    assert (table["n_replicates"] == 2000).all()
    assert table["coverage"].between(table["coverage_low"], table["coverage_high"]).all()


@pytest.mark.parametrize("n_seeds", [5, 10, 30, 100])
def test_t_is_nominal_for_normal_values(table, n_seeds):
    row = cell(table, "normal", n_seeds, "t")
    assert abs(row["coverage"] - 0.95) < 4 * monte_carlo_error(0.95)


def test_width_is_the_expected_one(table):
    """E(s) of five normal values is 0.9400 σ, t(0.975, 4) = 2.7764: 2 · 2.7764 · 1.8800 / √5."""
    assert cell(table, "normal", 5, "t")["mean_width"] == pytest.approx(4.6685, rel=0.03)


def test_skewness_undercovers_at_five_seeds(table):
    assert cell(table, "skewed", 5, "t")["coverage_high"] < 0.93
    assert cell(table, "skewed", 100, "t")["coverage"] > 0.92


@pytest.mark.parametrize("quantity", ["normal", "skewed"])
def test_bca_is_too_short_at_five_seeds(table, quantity):
    five, hundred = (cell(table, quantity, n, "BCa") for n in (5, 100))
    assert five["coverage_high"] < 0.9
    assert abs(hundred["coverage"] - 0.94) < 4 * monte_carlo_error(0.94)


@pytest.mark.parametrize("interval", ["t", "BCa"])
def test_bias_collapses_coverage(table, interval):
    """Off by half a standard deviation, 5 standard errors at n = 100: more seeds make it worse."""
    coverage = [cell(table, "biased", n, interval)["coverage"] for n in (5, 10, 30, 100)]
    assert (np.diff(coverage) < 0).all()
    assert coverage[-1] < 0.01


def test_other_cells_change_no_digit():
    tables = [
        audit_coverage(draw, TRUTH, (5, 8), 50, rng_for=rng_for, n_resamples=100) for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*tables)
    alone = audit_coverage(draw, TRUTH, (8,), 50, rng_for=rng_for, n_resamples=100)
    shared = tables[0].query("n_seeds == 8").reset_index(drop=True)
    pd.testing.assert_frame_equal(shared, alone)
    single = audit_coverage(
        lambda rng, size: {"normal": draw(rng, size)["normal"]},
        {"normal": 3.0},
        (8,),
        50,
        rng_for=rng_for,
        n_resamples=100,
    )
    pd.testing.assert_frame_equal(shared.query("quantity == 'normal'"), single)


def test_no_variance_covers_the_value_it_repeats():
    table = audit_coverage(
        lambda _, size: {"q": np.full(size, 0.1)}, {"q": 0.1}, (7,), 20, rng_for=rng_for
    )
    assert (table["coverage"] == 1).all()
    assert (table["mean_width"] == 0).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (lambda size: {"other": np.zeros(size)}, "truth is known for"),
        (lambda size: {"q": np.zeros(size - 1)}, "one value per seed"),
        (lambda size: {"q": np.full(size, np.nan)}, "not finite"),
    ],
)
def test_bad_draws(values, message):
    with pytest.raises(ValueError, match=message):
        audit_coverage(lambda _, size: values(size), {"q": 0.0}, (5,), 4, rng_for=rng_for)


def decisions_of(names: tuple[str, ...], n_seeds: int) -> pd.DataFrame:
    """Audited decisions on some of the quantities."""

    def some(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        return {name: draw(rng, size)[name] for name in names}

    truth = {name: TRUTH[name] for name in names}
    return audit_decisions(some, truth, (n_seeds,), 4000, rng_for=rng_for)


@pytest.mark.parametrize("n_seeds", [5, 100])
def test_tests_of_normal_values_have_their_size(n_seeds):
    table = decisions_of(("normal",), n_seeds).set_index("test")
    for test, nominal in (("above", 0.025), ("below", 0.025), ("family", 0.05)):
        error = np.sqrt(nominal * (1 - nominal) / 4000)
        assert abs(table.loc[test, "rate"] - nominal) < 4 * error
        assert table.loc[test, "nominal"] == nominal


def test_the_family_of_two_is_held_together():
    """Of two independent quantities Holm decides on one with a chance of 1 − (1 − .025)² < .05."""

    def pair(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        return {"a": rng.normal(size=size), "b": rng.normal(size=size)}

    table = audit_decisions(pair, {"a": 0.0, "b": 0.0}, (10,), 4000, rng_for=rng_for)
    rate = table.loc[table["test"] == "family", "rate"].item()
    assert abs(rate - (1 - 0.975**2)) < 4 * np.sqrt(0.049 * 0.951 / 4000)


def test_skewed_and_biased_values_are_decided_too_often():
    skewed = decisions_of(("skewed",), 5).set_index("test")
    assert skewed.loc["below", "rate_low"] > 2 * 0.025
    biased = decisions_of(("biased",), 100).set_index("test")
    assert biased.loc["above", "rate"] > 0.99
