"""The map: its tables, its reasons, and the methods that a user brings."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from irm_bench import config, library
from irm_bench.config import ConfigError
from irm_bench.plugins.sems import _linear
from irm_bench.stages import locate
from irm_bench.theory.moments import products, unpack_products

ROOT = Path(__file__).parents[2]
MINE = ROOT / "examples/my_method"
SMALL: dict[str, Any] = {
    "title": "Small",
    "root_seed": 1,
    "audit": {"replicates": 20, "seed_counts": [2]},
    "studies": [
        {
            "name": "one",
            "options": {"dim": 1},
            "train_environments": [[0.5, 2]],
            "test_environments": [{"sigma": [0.5, 2]}],
            "n_samples": 50,
            "n_test_samples": 50,
            "steps": 2,
            "seeds": 3,
            "methods": [{"name": "erm"}],
        }
    ],
    "map": {
        "methods": ["erm", "vrex", "icp", "oracle"],
        "starts": 4,
        "shifts": {"one": {"sigma": 1, "gamma": -1}},
    },
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("map")
    parsed = config.parse({**SMALL, "book": "field", "plugins": str(MINE)})
    library.run_stages(parsed, folder, until="map")
    names = ("map", "map_runs", "minima")
    return {name: pd.read_csv(folder / "tables" / f"{name}.csv") for name in names}


def cell(frame: pd.DataFrame, method: str, regime: str, quantity: str) -> pd.Series:
    mine = (frame["method"] == method) & (frame["regime"] == regime)
    return frame[mine & (frame["quantity"] == quantity)].iloc[0]


def test_a_brought_method_stands_beside_the_others(tables: dict[str, pd.DataFrame]) -> None:
    found = tables["map"]
    assert set(found["method"]) == {"erm", "vrex", "icp", "oracle", "ridge"}
    ridge, erm = (cell(found, name, "limit", "distance")["value"] for name in ("ridge", "erm"))
    gram = np.array([[2.125, 2.125], [2.125, 5.25]])
    cross = np.array([2.125, 4.25])
    exact = np.linalg.solve(gram + 0.1 * np.eye(2), cross)
    assert ridge == pytest.approx(np.linalg.norm(exact - [1, 0]), abs=1e-5)
    assert erm == pytest.approx(np.linalg.norm(np.linalg.solve(gram, cross) - [1, 0]), abs=1e-5)


def test_a_limit_has_no_interval_and_a_sample_has_one(tables: dict[str, pd.DataFrame]) -> None:
    exact = cell(tables["map"], "vrex", "limit", "distance")
    sampled = cell(tables["map"], "vrex", "sample", "distance")
    assert np.isnan(exact["ci_low"])
    assert exact["n_seeds"] == 1
    assert sampled["ci_low"] < sampled["value"] < sampled["ci_high"]
    assert sampled["n_seeds"] == 3


def test_risks_are_those_of_the_formula(tables: dict[str, pd.DataFrame]) -> None:
    """V-REx tends to (0, 1): b² everywhere in the family, 4σ² more where Z is reversed."""
    assert cell(tables["map"], "vrex", "limit", "worst_risk")["value"] == pytest.approx(1, abs=1e-4)
    shifted = cell(tables["map"], "vrex", "limit", "shift_risk")["value"]
    assert shifted == pytest.approx(9, abs=1e-3)  # 4 (X) + 4 (Y) + 1 (Z) at σ = 1


def test_no_value_without_reason_and_no_reason_with_value(
    tables: dict[str, pd.DataFrame],
) -> None:
    found = tables["map"]
    assert (found["value"].isna() == found["reason"].notna()).all()
    assert cell(found, "icp", "limit", "distance")["reason"].startswith("every subset")


def test_ranks_leave_controls_out_and_sum_up(tables: dict[str, pd.DataFrame]) -> None:
    ranks = tables["map_runs"][tables["map_runs"]["quantity"] == "rank"]
    assert "oracle" not in set(ranks["method"])
    for _, of_seed in ranks.dropna(subset="value").groupby(["data", "regime", "seed"]):
        n = len(of_seed)
        assert of_seed["value"].sum() == pytest.approx(n * (n + 1) / 2)


def test_every_start_has_its_end(tables: dict[str, pd.DataFrame]) -> None:
    of_vrex = tables["minima"][tables["minima"]["method"] == "vrex"]
    assert list(of_vrex["seed"]) == [0, 1, 2, 3]
    assert of_vrex["share"].between(0, 1).all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"plugins": "nowhere"}, "config key plugins: 'nowhere' is neither a folder nor a file"),
        ({"plugins": str(ROOT / "examples/my_book")}, "a method 'vrex' is there already"),
        ({"map": None, "plugins": str(MINE)}, "has no map to put them into"),
        ({"map": {"methods": ["errm"]}}, "did you mean 'erm'"),
        ({"map": {"methods": [{"name": "erm", "penalty": "plug_in"}]}}, "trains on no penalty"),
        ({"map": {"methods": ["erm"], "shifts": {"two": {"sigma": 1}}}}, "allowed are one"),
    ],
)
def test_what_no_map_can_be_made_of_is_refused(changed: dict[str, Any], words: str) -> None:
    raw = {**SMALL, "book": "field", **changed}
    if raw["map"] is None:
        del raw["map"]
    with pytest.raises(ConfigError, match=words):
        config.parse(raw)


def test_a_new_method_leaves_the_parts_of_the_others_as_they_are() -> None:
    alone = config.parse({**SMALL, "book": "field"})
    both = config.parse({**SMALL, "book": "field", "plugins": str(MINE)})
    assert alone.map_hash == both.map_hash
    assert alone.results_hash == both.results_hash
    assert set(locate.methods(both)) - set(locate.methods(alone)) == {"ridge"}


def test_a_config_without_a_map_has_no_tables_of_it() -> None:
    from irm_bench.storage import tables as stored

    raw = {name: value for name, value in SMALL.items() if name != "map"}
    assert "map" not in stored.contracts(config.parse({**raw, "book": "field"}))


@pytest.mark.parametrize("laws", [("normal", "t5"), ("skewed", "sign")])
def test_products_of_linear_data_have_the_covariance_of_sampled_ones(
    laws: tuple[str, ...],
) -> None:
    """Up to 8 standard errors; eighth moments of Student's t do not exist, so laws are tame."""
    laws = tuple("skewed" if law == "t5" else law for law in laws)
    model = _linear.Linear.of([[1, 0.5], [0.3, 1], [1, 1]], [1.0, 0.7], laws)
    x, y = model.sample(np.random.default_rng(0), 200_000)
    of_rows = products(x, y)
    centred = of_rows - of_rows.mean(axis=1, keepdims=True)
    exact = model.product_covariance()
    for i, row in enumerate(centred):
        both = row * centred
        error = both.std(axis=1) / np.sqrt(len(y))
        assert (np.abs(both.mean(axis=1) - exact[i]) < 8 * error).all()
    gram, cross = unpack_products(of_rows.mean(axis=1), 2)
    assert gram == pytest.approx(model.moments().gram, abs=0.05)
    assert cross == pytest.approx(model.moments().cross, abs=0.05)


def test_means_enter_the_covariance_of_products() -> None:
    model = _linear.Linear.of([[1, 0], [0.3, 1], [1, 1]], [1.0, 0.7], means=[1.0, -2.0, 0.5])
    x, y = model.sample(np.random.default_rng(0), 200_000)
    of_rows = products(x, y)
    assert np.cov(of_rows) == pytest.approx(model.product_covariance(), rel=0.05, abs=0.1)
