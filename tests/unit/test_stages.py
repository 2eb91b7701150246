"""The stages together: tables that agree with the rows, with each other, and with theory."""

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from benchmarks import notebook_loop
from irm_bench import config
from irm_bench.engine import splits
from irm_bench.engine.descent import BLOCK
from irm_bench.engine.signs import SignStream
from irm_bench.planning import plan, sampling
from irm_bench.planning.plan import Dataset
from irm_bench.planning.sampling import rows
from irm_bench.stages import simulate, train
from irm_bench.stages.evaluate import correlations
from irm_bench.stages.train import recorded_steps
from irm_bench.storage import archives, tables
from tests.unit import pipeline

PARSED = config.parse(pipeline.SMALL)
MODEL = PARSED.studies[0].model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline.run(pipeline.SMALL, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, pd.DataFrame]:
    return {
        name: tables.read(folder / f"{name}.csv", contract)
        for name, contract in tables.contracts(PARSED).items()
        if (folder / f"{name}.csv").exists()
    }


def dataset(split: str, sigma: float, n: int) -> Dataset:
    parameters = (("sigma", sigma), ("gamma", 1.0), ("tau", 1.0))
    return Dataset(MODEL, n, split, config.Environment(parameters, parameters[1:]))


def rows_of(split: str, sigma: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return next(rows(dataset(split, sigma, n), 3, seed))


def phis(frame: pd.DataFrame) -> np.ndarray:
    return frame[[f"phi_{i}" for i in range(1, 5)]].to_numpy(dtype=float)


def test_every_model_of_the_grid_is_there_once(found: dict[str, pd.DataFrame]) -> None:
    models = found["models"]
    keys = ["study", "train_sigmas", "method", "penalty", "seed"]
    assert not models.duplicated(keys).any()
    assert len(models) == 4 * 4 + 3 * 2 * 2


def test_the_pipelines_split_half_is_the_notebooks_loop(found: dict[str, pd.DataFrame]) -> None:
    """From named streams to table: φ after 700 updates of the per-row loop on the same rows."""
    signs = SignStream(3, 60)
    blocks = [signs.block(0), signs.block(1)]

    def permutation(step: int) -> torch.Tensor:
        row = blocks[step // BLOCK][step % BLOCK]
        return torch.tensor(np.stack([np.flatnonzero(row > 0), np.flatnonzero(row < 0)], 1).ravel())

    environments = [
        (torch.tensor(x), torch.tensor(y)[:, None])
        for x, y in (rows_of("train", sigma, 60, 2) for sigma in (0.2, 1.0))
    ]
    expected = notebook_loop.train(
        environments, notebook_loop.split_half, 700, 1e-3, 1e-5, permutation
    )[-1]
    models = found["models"]
    row = models[
        (models["study"] == "main") & (models["penalty"] == "split_half") & (models["seed"] == 2)
    ]
    assert np.allclose(phis(row)[0], expected.numpy(), rtol=1e-9)


def test_errors_are_those_of_the_rows_and_of_the_population(
    found: dict[str, pd.DataFrame],
) -> None:
    errors, models = found["errors"], found["models"]
    sem_population = plan.population
    keys = ["study", "train_sigmas", "method", "penalty", "seed"]
    merged = errors.merge(models[[*keys, *(f"phi_{i}" for i in range(1, 5))]], on=keys)
    merged = merged[merged["phi_1"].notna()]
    assert len(merged) > 50
    for _, row in merged.iterrows():
        n = 60 if row["split"] == "train" else 80
        x, y = rows_of(row["split"], row["sigma"], n, row["seed"])
        phi = phis(row.to_frame().T)[0]
        assert row["mse"] == pytest.approx(np.mean((x @ phi - y) ** 2), rel=1e-9)
        truth = sem_population(MODEL, [dataset("test", row["sigma"], 2).environment]).at(0)
        exact = phi @ truth.gram @ phi - 2 * phi @ truth.cross + truth.target
        assert row["risk"] == pytest.approx(exact, rel=1e-9)
        assert row["optimum"] == pytest.approx(2 * row["sigma"] ** 2)


def test_train_risk_is_the_mean_over_training_environments(found: dict[str, pd.DataFrame]) -> None:
    errors, models = found["errors"], found["models"]
    keys = ["study", "train_sigmas", "method", "penalty", "seed"]
    train = errors[errors["split"] == "train"].groupby(keys, dropna=False)["mse"].mean()
    expected = models.set_index(keys)["train_risk"]
    assert np.allclose(train.loc[expected.index], expected, equal_nan=True)


def test_trajectories_end_where_the_models_are(found: dict[str, pd.DataFrame]) -> None:
    paths, models = found["trajectories"], found["models"]
    keys = ["study", "method", "penalty", "seed"]
    last = paths[paths["step"] == 700].set_index(keys).sort_index()
    expected = models[(models["study"] == "main") & (models["method"] != "oracle")]
    expected = expected.set_index(keys).sort_index()
    assert np.array_equal(phis(last), phis(expected))
    assert np.array_equal(last["train_risk"], expected["train_risk"])
    assert np.array_equal(last["penalty_estimate"], expected["final_penalty"])
    first = paths[paths["step"] == 0]
    assert np.allclose(phis(first), 1.0)


def test_diverged_models_are_flagged_counted_and_kept(found: dict[str, pd.DataFrame]) -> None:
    models, summary = found["models"], found["summary"]
    wild = models[(models["train_sigmas"] == "0.2;4.0") & (models["method"] == "irm")]
    assert wild["diverged_at"].notna().all()
    assert np.isnan(phis(wild)).all()
    counted = summary[(summary["train_sigmas"] == "0.2;4.0") & (summary["method"] == "irm")]
    assert (counted["n_diverged"] == 2).all()
    assert (counted["n_seeds"] == 0).all()
    assert counted["mean"].isna().all()
    calm = models[(models["train_sigmas"] == "0.2;1.0")]
    assert calm["diverged_at"].isna().all()


def test_summaries_are_those_of_the_tables(found: dict[str, pd.DataFrame]) -> None:
    errors, summary = found["errors"], found["summary"]
    chosen = errors[
        (errors["study"] == "main")
        & (errors["method"] == "erm")
        & (errors["split"] == "test")
        & (errors["sigma"] == 0.1)
    ]
    row = summary[
        (summary["study"] == "main")
        & (summary["method"] == "erm")
        & (summary["split"] == "test")
        & (summary["sigma"] == 0.1)
        & (summary["quantity"] == "mse")
    ].set_index("ci_method")
    interval = stats.ttest_1samp(chosen["mse"].astype(float), 0).confidence_interval(0.95)
    assert row.loc["t", "mean"] == pytest.approx(chosen["mse"].mean())
    assert row.loc["t", "ci_low"] == pytest.approx(interval.low)
    assert row.loc["t", "ci_high"] == pytest.approx(interval.high)
    assert row.loc["BCa", "ci_low"] < row.loc["BCa", "mean"] < row.loc["BCa", "ci_high"]


def test_environments_hold_pearson_correlations_and_noise(found: dict[str, pd.DataFrame]) -> None:
    table = found["environments"]
    row = table[(table["split"] == "test") & (table["sigma"] == 0.1) & (table["seed"] == 3)].iloc[0]
    x, y = rows_of("test", 0.1, 80, 3)
    for j in range(4):
        assert row[f"corr_{j + 1}"] == pytest.approx(stats.pearsonr(x[:, j], y).statistic)
    noise = y - x[:, :2].sum(axis=1)
    assert row["noise_variance"] == pytest.approx(noise.var(ddof=1))
    assert row["oracle_mse"] == pytest.approx(np.mean(noise**2))


def test_histograms_count_every_row(found: dict[str, pd.DataFrame]) -> None:
    counts = found["histograms"].groupby(["split", "environment", "variable"])["count"].sum()
    for (split, _, _), count in counts.items():
        n = 60 if split == "train" else 80
        assert n - 3 <= count <= n  # a few values may lie beyond ±6


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


@pytest.mark.parametrize("shards", [3, 7])
def test_shards_change_no_byte(folder: Path, tmp_path: Path, shards: int) -> None:
    again = pipeline.run({**pipeline.SMALL, "shards": shards}, tmp_path)
    assert bytes_of(again) == bytes_of(folder)


@pytest.mark.parametrize("limits", [(3, 2**24, 2**26), (4096, 100, 2**26), (4096, 2**24, 3000)])
def test_batches_and_blocks_change_no_byte(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, ...]
) -> None:
    monkeypatch.setattr(train, "LIMITS", np.array(limits))
    monkeypatch.setattr(splits, "MAX_SUMS", 1000)
    monkeypatch.setattr(splits, "MAX_JOINED", 100)
    shapes = [len(batch) for batch in train.batches(PARSED, "irm-split_half", 0)]
    assert len(shapes) > 1
    assert bytes_of(pipeline.run(pipeline.SMALL, tmp_path)) == bytes_of(folder)


def without(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.drop(columns=list(columns)).reset_index(drop=True)


def test_a_further_seed_and_environment_change_no_other_number(
    found: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    raw: dict[str, Any] = copy.deepcopy(pipeline.SMALL)
    raw["defaults"]["seeds"] = 5
    raw["defaults"]["test_environments"] = [{"sigma": [0.05, 0.1, 1.0]}]
    folder = pipeline.run(raw, tmp_path)
    contracts = tables.contracts(config.parse(raw))
    errors = tables.read(folder / "errors.csv", contracts["errors"])
    old = errors[(errors["seed"] < 4) & (errors["sigma"] != 0.05)].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, found["errors"], check_categorical=False)


def test_overlapping_studies_share_datasets_and_cells() -> None:
    cells = plan.cells(PARSED)
    shared = [c for c in cells if c.key.penalty == "split_half" and c.train_label == "0.2;1.0"]
    assert len(shared) == 1
    assert cells[shared[0]].seeds == {0, 1, 2, 3}
    assert len(plan.datasets(PARSED)) == 4 + 2  # four training σ, two test σ


def test_training_and_test_rows_are_separate_streams() -> None:
    train, test = rows_of("train", 1.0, 60, 0), rows_of("test", 1.0, 60, 0)
    assert not np.isin(train[1], test[1]).any()


def test_memory_does_not_grow_with_n(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come in chunks, and chunks give the moments of the whole."""
    monkeypatch.setattr(sampling, "CHUNK_ROWS", 16)
    chunks = list(rows(dataset("train", 1.0, 100), 3, 0))
    assert [len(y) for _, y in chunks] == [16] * 6 + [4]
    moments, covariance = simulate.summarise(dataset("train", 1.0, 100), 3, 0, True)
    x, y = (np.concatenate(part) for part in zip(*chunks, strict=True))
    assert np.allclose(moments.gram, x.T @ x / 100)
    assert np.allclose(correlations(moments), [np.corrcoef(c, y)[0, 1] for c in x.T])
    assert covariance is not None


def test_models_of_drawn_moments_have_the_law_of_those_of_rows(tmp_path: Path) -> None:
    """φ of ERM and of plug-in IRM after training, over seeds: Kolmogorov–Smirnov, two samples."""
    raw: dict[str, Any] = copy.deepcopy(pipeline.SMALL)
    raw["defaults"] |= {"n_samples": 200, "seeds": 300, "steps": 2000}
    methods = [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}, {"name": "oracle"}]
    raw["studies"] = [
        {"name": sampling, "sampling": sampling, "methods": methods}
        for sampling in ("rows", "moments")
    ]
    folder = pipeline.run(raw, tmp_path)
    contracts = tables.contracts(config.parse(raw))
    models, errors = (tables.read(folder / f"{t}.csv", contracts[t]) for t in ("models", "errors"))
    for method in ("erm", "irm"):
        rows, alone = (
            models[(models["study"] == s) & (models["method"] == method)]
            for s in ("rows", "moments")
        )
        for name in ("phi_1", "phi_2", "phi_3", "phi_4", "train_risk", "final_penalty"):
            assert stats.ks_2samp(rows[name], alone[name]).pvalue > 1e-4, (method, name)
    for _, found in errors[errors["method"] == "irm"].groupby(["split", "environment"]):
        parts = [part["mse"] for _, part in found.groupby("study")]
        assert len(parts) == 2
        assert stats.ks_2samp(*parts).pvalue > 1e-4


def test_the_capped_rate_keeps_what_the_fixed_rate_loses() -> None:
    raw = copy.deepcopy(pipeline.SMALL)
    raw["studies"][1]["learning_rate"] = {"rule": "capped", "value": 1e-3, "safety": 0.8}
    rates = {
        c.train_label: c.learning_rate
        for c in plan.cells_of(config.parse(raw).studies[1])
        if c.key.method == "irm"
    }
    assert rates["0.2;1.0"] == 1e-3
    assert 0 < rates["0.2;4.0"] < 1e-4


def test_recorded_steps_hold_the_start_the_end_and_the_notebooks_last_print() -> None:
    steps = recorded_steps(50_000)
    assert {0, 1, 49_000, 50_000} <= set(steps)
    assert len(steps) < 60
    assert recorded_steps(1)[-1] == 1


DAMAGES = {
    "emptied": lambda text: "",
    "other columns": lambda text: "x,y\n1,2\n",
    "not CSV": lambda text: 'a,"b\nc',
    "cut at a row": lambda text: "\n".join(text.split("\n")[:9]) + "\n",
    "cut in a number": lambda text: text[:-9],
    "one digit changed": lambda text: text.replace("0.", "1.", 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_named(folder: Path, tmp_path: Path, damage: str) -> None:
    for name in ("models.csv", "models.csv.sha256"):
        shutil.copy(folder / name, tmp_path)
    path = tmp_path / "models.csv"
    path.write_text(DAMAGES[damage](path.read_text()))
    with pytest.raises(tables.TableError, match=r"models\.csv.*delete it and run again"):
        tables.read(path, tables.contracts(PARSED)["models"])


def test_a_table_of_other_columns_is_refused_even_sealed(tmp_path: Path) -> None:
    path = tmp_path / "models.csv"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(tables.TableError, match=r"models\.csv\.sha256 differs, or is not there"):
        tables.read(path, tables.contracts(PARSED)["models"])
    seal = f"# of config {PARSED.results_hash}\n{archives.digest(path)}  models.csv\n"
    tables.seal_file(path).write_text(seal)
    with pytest.raises(tables.TableError, match=r"missing columns .*'study'.*unknown .*'x'"):
        tables.read(path, tables.contracts(PARSED)["models"])
