"""Converged counterparts, decompositions, penalty estimates, random starts and the audit."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench import config, theory
from irm_bench.config import Config
from irm_bench.diagnosis import converge, decomposition, estimators
from irm_bench.planning import plan
from irm_bench.planning.plan import Dataset
from irm_bench.planning.sampling import rows
from irm_bench.plugins.registry import find_book
from irm_bench.stages import audit, diagnose, judge
from irm_bench.storage import tables
from irm_bench.theory import unbiased
from irm_bench.theory.moments import Moments, products
from tests.unit import claims_case, pipeline

BOOK = find_book("notebook")

RAW = copy.deepcopy(pipeline.SMALL)
RAW["claims"] = BOOK.names("claims")
PARSED = config.parse(RAW)
PARTS = tables.parts(PARSED, diagnose.STAGE)
MODEL = PARSED.studies[0].model
NAMES = (*PARTS, "decomposition", "penalty_estimates", "models", "errors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline.run(RAW, tmp_path_factory.mktemp("diagnosis"))


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, pd.DataFrame]:
    contracts = tables.contracts(PARSED)
    return {name: tables.read(folder / f"{name}.csv", contracts[name]) for name in NAMES}


def environment(sigma: float) -> config.Environment:
    return config.Environment(
        (("sigma", sigma), ("gamma", 1.0), ("tau", 1.0)), (("gamma", 1.0), ("tau", 1.0))
    )


def data(sigma: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    dataset = Dataset(MODEL, 60, "train", environment(sigma))
    return next(rows(dataset, PARSED.root_seed, seed))


def sample_moments(sigmas: tuple[float, ...], seed: int) -> tuple[Moments, np.ndarray]:
    """Moments (E, …) and covariances of the mean products (E, P, P) of the rows themselves."""
    drawn = [data(sigma, seed) for sigma in sigmas]
    moments = Moments(
        np.stack([x.T @ x / len(y) for x, y in drawn]),
        np.stack([x.T @ y / len(y) for x, y in drawn]),
        np.stack([y @ y / len(y) for _, y in drawn]),
    )
    return moments, np.stack([np.cov(products(x, y)) / len(y) for x, y in drawn])


def phi_of(rows_: pd.DataFrame) -> np.ndarray:
    return rows_[[f"phi_{j + 1}" for j in range(4)]].to_numpy(dtype=float)


def main(found: dict[str, pd.DataFrame], method: str, penalty: str = "") -> pd.DataFrame:
    frame = found["converged"]
    keys = {"study": "main", "method": method, "penalty": penalty}
    return frame[np.logical_and.reduce([frame[k] == v for k, v in keys.items()])]


def test_erms_counterpart_is_least_squares_on_its_rows(found: dict[str, pd.DataFrame]) -> None:
    erm = main(found, "erm")
    assert len(erm) == 4
    for seed, phi in zip(erm["seed"], phi_of(erm), strict=True):
        drawn = [data(sigma, int(seed)) for sigma in (0.2, 1.0)]
        x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
        assert phi == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0])


def test_irms_counterpart_is_a_minimum_on_its_rows(found: dict[str, pd.DataFrame]) -> None:
    """Of the unbiased objective, by its values alone: no small step goes down."""
    rng = np.random.default_rng(0)
    split, u_statistic = main(found, "irm", "split_half"), main(found, "irm", "u_statistic")
    assert (split["converged"] == 1).all()
    assert set(split["objective"]) == {"u_statistic"}
    for one in (split, u_statistic):
        for seed, phi in zip(one["seed"], phi_of(one), strict=True):
            moments, variance = sample_moments((0.2, 1.0), int(seed))

            def value(point: np.ndarray, m: Moments = moments, v: np.ndarray = variance) -> float:
                u = theory.quadratic_coefficients(point)
                spread = np.einsum("p,epq,q->", u, v, u)
                return float(theory.objective(point, m, 1e-5) - 4 * spread)

            around = [value(phi + step) for step in rng.normal(0, 1e-3, (50, 4))]
            assert min(around) > value(phi)


def test_plug_ins_counterpart_is_stationary() -> None:
    moments, _ = sample_moments((0.2, 1.0), 0)
    minimum = theory.minimise(moments, 1e-5, np.array([1.0, 1.0, 0.02, 0.02]))
    assert np.abs(theory.gradient(minimum.phi, moments, 1e-5)).max() < 1e-10


def test_diverged_runs_have_no_counterpart(found: dict[str, pd.DataFrame]) -> None:
    models = found["models"]
    lost = models[models["diverged_at"].notna() & (models["penalty"] == "split_half")]
    keys = ["study", "train_sigmas", "method", "penalty", "seed"]
    merged = lost.merge(found["converged"], on=keys, suffixes=("_trained", ""))
    assert (merged["converged"] == 0).all()
    assert np.isnan(phi_of(merged)).all()


def test_derivatives_of_the_unbiased_objective() -> None:
    moments, variance = sample_moments((0.2, 1.0), 1)
    batch = Moments(moments.gram[None], moments.cross[None], moments.target[None])
    problem = unbiased.Unbiased(batch, variance[None], np.array([1e-3]))
    phi, step = np.array([[0.9, 1.2, 0.1, -0.2]]), 1e-6
    for j in range(4):
        along = step * np.eye(4)[j]
        up, down = phi + along, phi - along
        slope = (problem.value(up) - problem.value(down)) / (2 * step)
        assert problem.gradient(phi)[:, j] == pytest.approx(slope, rel=1e-5)
        bend = (problem.gradient(up) - problem.gradient(down)) / (2 * step)
        assert problem.hessian(phi)[:, j] == pytest.approx(bend, rel=1e-5)


def test_terms_sum_to_the_excess(found: dict[str, pd.DataFrame]) -> None:
    frame = found["decomposition"]
    keys = ["study", "train_sigmas", "method", "penalty", "n_samples", "split", "environment"]
    wide = frame.pivot_table(index=keys, columns="quantity", values="mean", dropna=False)
    wide = wide.dropna()
    parts = wide["objective_bias"] + wide["optimisation_gap"] + wide["estimation_error"]
    assert len(wide) > 10
    assert parts.to_numpy() == pytest.approx(wide["excess"].to_numpy(), abs=1e-13)


def test_the_excess_is_the_errors_own(found: dict[str, pd.DataFrame]) -> None:
    frame, errors = found["decomposition"], found["errors"]
    excess = frame[(frame["quantity"] == "excess") & (frame["study"] == "main")]
    errors = errors.assign(excess=errors["risk"] - errors["optimum"])
    keys = ["study", "method", "penalty", "split", "sigma"]
    means = errors.groupby(keys)["excess"].mean()
    assert len(excess) == 3 * 4
    for row in excess.itertuples():
        assert row.mean == pytest.approx(means[tuple(getattr(row, key) for key in keys)])


def test_erm_is_trained_to_the_end_but_for_its_steps() -> None:
    """On its own, a finished model has no gap and a population's model no error."""
    cell = next(c for c in plan.cells(PARSED) if c.key.method == "erm")
    phi = np.array([decomposition.population_minimum(cell.model, cell.train, None)])
    terms = decomposition.terms(cell, phi, phi, [environment(0.1)])
    assert np.abs(terms.optimisation_gap).max() == 0
    assert np.abs(terms.estimation_error).max() == 0
    assert terms.objective_bias == pytest.approx(terms.excess)


def test_estimates_are_those_of_the_rows(found: dict[str, pd.DataFrame]) -> None:
    """The U-statistic as the mean over all pairs of rows, plug-in as the square of the mean."""
    draws = found["penalty_draws"]
    for (predictor, sigma), group in draws.groupby(["predictor", "sigma"]):
        cell = next(c for c in plan.cells(PARSED) if c.key.penalty == "u_statistic")
        phi = estimators.predictors(cell)[str(predictor)]
        for seed in (0, 3):
            x, y = data(float(sigma), seed)
            g = 2 * (x @ phi) * (x @ phi - y)
            n = len(g)
            pairs = (g.sum() ** 2 - (g**2).sum()) / (n * (n - 1))
            mine = group[group["seed"] == seed].set_index("estimator")["estimate"]
            assert mine["plug_in"] == pytest.approx(g.mean() ** 2)
            assert mine["u_statistic"] == pytest.approx(pairs)


def test_splits_average_to_the_u_statistic(found: dict[str, pd.DataFrame]) -> None:
    draws = found["penalty_draws"]
    keys = ["predictor", "sigma", "seed"]
    wide = draws.pivot_table(index=keys, columns="estimator", values="mean_estimate")
    error = (wide["split_half"] - wide["u_statistic"]) / wide["plug_in"].abs()
    assert abs(error.mean()) < 0.25
    split = draws[draws["estimator"] == "split_half"]
    assert (split["n_draws"] == estimators.N_SPLITS).all()
    assert split["negative_share"].between(0, 1).all()


def test_summary_of_known_draws() -> None:
    """Estimates 1 ± 1 around a true 0.5."""
    seeds = np.arange(40)
    estimate = np.where(seeds % 2, 0.0, 2.0)
    draws = pd.DataFrame(
        {
            **dict.fromkeys(tables.contracts(PARSED)["penalty_draws"].keys, "same"),
            "seed": seeds,
            "mean_estimate": estimate,
            "squared_error": (estimate - 0.5) ** 2,
            "negative_share": 0.0,
            "true_penalty": 0.5,
            "exact_bias": 0.5,
            "exact_variance": 1.0,
            "exact_negative_share": 0.0,
        }
    )
    table = estimators.summary(PARSED, draws).set_index("quantity")
    assert table["mean"]["bias"] == pytest.approx(0.5)
    assert table["mean"]["variance"] == pytest.approx(40 / 39)
    assert table["mean"]["squared_error"] == pytest.approx(1.25)
    assert table["truth"]["squared_error"] == pytest.approx(1.25)
    assert table["ci_low"]["bias"] < 0.5 < table["ci_high"]["bias"]


def test_random_starts_end_on_the_curve_or_in_the_point(found: dict[str, pd.DataFrame]) -> None:
    frame = found["starts"]
    alone, weighted = (frame[frame["error_weight"] == w] for w in (0.0, 1e-5))
    assert len(alone) == len(weighted) == 4
    a, b = phi_of(alone)[:, :2], phi_of(alone)[:, 2:]
    assert ((a - 0.5) ** 2).sum(axis=1) == pytest.approx(0.5, abs=1e-3)
    assert np.abs(b).max() < 1e-3
    assert np.ptp(phi_of(weighted), axis=0).max() < 1e-6


def test_shards_change_no_digit(folder: Path, tmp_path: Path) -> None:
    again = pipeline.run({**RAW, "shards": 3}, tmp_path)
    for name in (*PARTS, "decomposition", "penalty_estimates"):
        assert (again / f"{name}.csv").read_bytes() == (folder / f"{name}.csv").read_bytes()


def test_every_claim_judges_a_real_run(folder: Path, tmp_path: Path) -> None:
    judge.run(PARSED, folder, tmp_path)
    contracts = tables.contracts(PARSED)
    claims = tables.read(tmp_path / "claims.csv", contracts["claims"])
    assert claims["claim"].tolist() == RAW["claims"]
    assert claims["verdict"].str.len().min() > 0


def test_objectives_need_what_the_studies_keep() -> None:
    shared = [c for c in plan.cells(PARSED) if c.key.penalty == "split_half"]
    converger = converge.Converger(PARSED, None, None)  # type: ignore[arg-type]
    known = {c.train_label: converger.objective(c) for c in shared}
    assert known["0.2;1.0"] == "u_statistic"
    assert known["0.2;0.5;1.0"] == ""  # no study keeps the covariances at σ = 0.5


SETTING = audit.Setting(MODEL, 40, (environment(0.3), environment(1.0)))


def test_the_audits_truth_is_the_mean_of_its_draws() -> None:
    """Every quantity, small n, within five standard errors."""
    truths, errors = audit.truth(SETTING, np.random.default_rng(1))
    draws = audit.draw(SETTING, np.random.default_rng(2), 100_000)
    assert set(truths) == set(draws)
    for name, values in draws.items():
        error = values.std() / np.sqrt(len(values)) + errors.get(name, 0.0)
        assert abs(values.mean() - truths[name]) < 5 * error, name


def test_the_audits_moments_are_those_of_rows() -> None:
    moments = audit.second_moments(
        SETTING.population, SETTING.n_samples, np.random.default_rng(3), 20_000
    )
    exact = SETTING.population
    assert moments.gram.mean(axis=0) == pytest.approx(exact.gram, abs=0.02)
    assert moments.target.mean(axis=0) == pytest.approx(exact.target, rel=0.02)
    # n times the mean of squares of n normal values has variance 2 n σ⁴
    spread = moments.target.var(axis=0) * SETTING.n_samples
    assert spread == pytest.approx(2 * exact.target**2, rel=0.05)


def test_the_audits_table(tmp_path: Path) -> None:
    raw = {**claims_case.RAW, "audit": {"replicates": 60, "seed_counts": [5, 10]}}
    parsed: Config = config.parse(raw)
    audit.run(parsed, tmp_path)
    table = tables.read(tmp_path / "coverage.csv", tables.contracts(parsed)["coverage"])
    assert len(table) == 8 * 2 * 2
    assert table["coverage"].between(0.5, 1).all()
    assert (table["truth_error"] > 0).sum() == 4
    assert (table["n_replicates"] == 60).all()
    decisions = tables.read(tmp_path / "decisions.csv", tables.contracts(parsed)["decisions"])
    assert set(decisions["test"]) == {"above", "below", "family"}
    assert set(decisions["n_samples"]) == {50, 10_000}
