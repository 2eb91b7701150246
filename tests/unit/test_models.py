"""What a book's data models and studies may be, taken through all stages."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from irm_bench.config import ConfigError
from irm_bench.planning import exact
from irm_bench.planning.plan import Dataset
from irm_bench.planning.sampling import all_rows
from tests.unit import books


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return books.create(tmp_path_factory.mktemp("books"))


def phis(frame: pd.DataFrame, d: int) -> np.ndarray:
    return frame[[f"phi_{j + 1}" for j in range(d)]].to_numpy(dtype=float)


def rows_of(book: Path, raw: dict[str, Any], split: str, e: int, seed: int, n: int) -> Any:
    """The rows of an environment of a config's first study."""
    parsed = books.parse(book, raw)
    study = parsed.studies[0]
    environment = study.train_sets[0][e] if split == "train" else study.test_environments[e]
    return all_rows(Dataset(study.model, n, split, environment), parsed.root_seed, seed)


def test_weights_drawn_for_every_seed_have_a_truth_for_every_seed(
    book: Path, tmp_path: Path
) -> None:
    raw = books.raw("drawn", options={"dim": 2}, methods=[{"name": "erm"}, {"name": "oracle"}])
    found = books.run(book, raw, tmp_path)
    parsed = books.parse(book, raw)
    model = parsed.studies[0].model
    errors = found["errors"]
    oracle = errors[errors["method"] == "oracle"]
    assert oracle["risk"].to_numpy(float) == pytest.approx(oracle["optimum"].to_numpy(float))
    weights = phis(found["models"][found["models"]["method"] == "oracle"], 3)
    for seed in range(3):
        mechanism = model.mechanism(parsed.root_seed, seed)
        assert weights[seed] == pytest.approx(np.append(mechanism["w"], 0.0))
    assert len({tuple(row) for row in weights}) == 3
    excess = found["decomposition"].query("quantity == 'excess' and split == 'test'")
    mine = errors[(errors["method"] == "erm") & (errors["split"] == "test")]
    gap = (mine["risk"] - mine["optimum"]).groupby(mine["environment"], observed=True).mean()
    assert sorted(excess["mean"]) == pytest.approx(sorted(gap))


def test_another_seed_changes_no_other_number(book: Path, tmp_path: Path) -> None:
    few = books.run(book, books.raw("drawn", seeds=[0, 2]), tmp_path / "few")["errors"]
    more = books.run(book, books.raw("drawn", seeds=[0, 1, 2]), tmp_path / "more")["errors"]
    kept = more[more["seed"] != 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, kept)


def test_populations_of_seeds_are_those_of_their_rows(book: Path) -> None:
    parsed = books.parse(book, books.raw("drawn", options={"dim": 2}))
    study = parsed.studies[0]
    seeds = np.arange(3)
    for environment in study.test_environments:
        found = exact.of_seeds(study.model, environment, parsed.root_seed, seeds)
        dataset = Dataset(study.model, 40_000, "test", environment)
        for seed in seeds:
            x, y = all_rows(dataset, parsed.root_seed, int(seed))
            assert found.gram[seed] == pytest.approx(x.T @ x / len(y), rel=0.1, abs=0.1)
            assert found.cross[seed] == pytest.approx(x.T @ y / len(y), rel=0.1, abs=0.1)


def test_options_are_a_grid_and_columns(book: Path, tmp_path: Path) -> None:
    raw = books.raw("drawn", options={"dim": [1, 3], "noise": [0.5, 2.0]})
    models = books.run(book, raw, tmp_path)["models"]
    settings_found = set(zip(models["dim"], models["noise"], strict=True))
    assert settings_found == {(1, 0.5), (1, 2.0), (3, 0.5), (3, 2.0)}
    assert len(models) == 4 * 3
    assert models.loc[models["dim"] == 1, "phi_4"].isna().all()


def test_a_sem_that_knows_nothing_passes_and_leaves_columns_empty(
    book: Path, tmp_path: Path
) -> None:
    found = books.run(book, books.raw("bare", trajectories=True), tmp_path)
    assert "train_set" in found["models"]
    assert set(found["models"]["train_set"]) == {"here;there"}
    assert found["errors"]["risk"].isna().all()
    assert found["errors"]["optimum"].isna().all()
    assert found["errors"]["mse"].notna().all()
    assert found["environments"]["oracle_mse"].isna().all()
    assert found["converged"]["converged"].eq(1).all()
    for name in ("decomposition", "penalty_draws", "starts", "coverage"):
        assert found[name].empty


def test_an_intercept_is_least_squares_with_a_column_of_ones(book: Path, tmp_path: Path) -> None:
    members = [{"sigma": 0.5, "shift": 2.0}, {"sigma": 1.0, "shift": -1.0}]
    raw = books.raw(
        "drawn", intercept=True, train_environments=[members], test_environments=members
    )
    found = books.run(book, raw, tmp_path)
    ended = phis(found["converged"], 3)
    for seed in range(3):
        drawn = [rows_of(book, raw, "train", e, seed, 80) for e in range(2)]
        x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
        assert (x[:, -1] == 1).all()
        assert ended[seed] == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0], rel=1e-6)
    parsed = books.parse(book, raw)
    study = parsed.studies[0]
    exactly = exact.of_seeds(study.model, study.test_environments[0], 4, np.arange(3))
    means = exactly.gram[:, -1, :-1]
    assert means[:, 0] == pytest.approx([2.0] * 3)
    assert exactly.cross[:, -1] == pytest.approx(exactly.mean[:, -1])


@pytest.mark.parametrize("start", ["ones", "zeros", "oracle", "erm", "random"])
def test_training_starts_where_it_is_told_to(book: Path, tmp_path: Path, start: str) -> None:
    raw = books.raw("drawn", start=["ones", start] if start != "ones" else start)
    raw["studies"][0]["trajectories"] = True
    found = books.run(book, raw, tmp_path)["trajectories"]
    first = found[found["step"] == 0]
    if start != "ones":
        first = first[first["start"] == start]
    where = phis(first, 2)
    for seed in range(3):
        drawn = [rows_of(book, raw, "train", e, seed, 80) for e in range(2)]
        x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
        parsed = books.parse(book, raw)
        mechanism = parsed.studies[0].model.mechanism(parsed.root_seed, seed)
        expected = {
            "ones": np.ones(2),
            "zeros": np.zeros(2),
            "oracle": np.append(mechanism["w"], 0.0),
            "erm": np.linalg.lstsq(x, y, rcond=None)[0],
        }
        if start == "random":
            assert len({tuple(row) for row in where}) == 3
        else:
            assert where[seed] == pytest.approx(expected[start])


def test_the_logistic_loss_measures_classes(book: Path, tmp_path: Path) -> None:
    raw = books.raw("classes", loss="logistic", methods=[{"name": "erm"}, {"name": "irm"}])
    raw["studies"][0]["methods"][1] |= {"penalty": "plug_in", "error_weight": [0.1, 1.0]}
    found = books.run(book, raw, tmp_path)
    errors, models = found["errors"], found["models"]
    assert "mse" not in errors
    assert found["converged"].empty
    for row in errors[errors["split"] == "test"].itertuples():
        same = (models["method"] == row.method) & (models["seed"] == row.seed)
        if row.method == "irm":
            same &= models["error_weight"] == row.error_weight
        (phi,) = phis(models[same], 2)
        e = [1.0, 2.0].index(row.scale)
        x, y = rows_of(book, raw, "test", e, int(row.seed), 60)
        assert row.error_rate == pytest.approx(((x @ phi > 0) != (y > 0.5)).mean())
        loss = np.log1p(np.exp(x @ phi)) - y * (x @ phi)
        assert row.log_loss == pytest.approx(loss.mean())


# Selection


def brute_force(book: Path, raw: dict[str, Any], found: dict[str, pd.DataFrame], rule: str) -> Any:
    """The learning rate that each seed should take, by the losses on the rule's own rows."""
    parsed = books.parse(book, raw)
    study = parsed.studies[0]
    models = found["models"]
    models = models[models["selection"].isna() | (models["selection"] == "")]
    places = {
        "in_distribution": [("validation", e) for e in study.train_sets[0]],
        "held_out_environment": [("validation", e) for e in study.selection[0].environments],
        "oracle": [("test", e) for e in study.test_environments],
    }[rule]
    chosen = []
    for seed in study.seeds:
        losses = {}
        for row in models[models["seed"] == seed].itertuples():
            phi = np.array([row.phi_1, row.phi_2])
            total = []
            for split, environment in places:
                n = 60 if split == "test" else 50
                x, y = all_rows(Dataset(study.model, n, split, environment), 4, seed)
                total.append(np.mean((x @ phi - y) ** 2))
            losses[row.learning_rate] = np.mean(total)
        chosen.append(min(losses, key=lambda rate: losses[rate]))
    return chosen


RATES = {"rule": "fixed", "value": [1e-4, 0.01, 0.2]}


@pytest.mark.parametrize("rule", ["in_distribution", "held_out_environment", "oracle"])
def test_a_rule_takes_what_brute_force_takes(book: Path, tmp_path: Path, rule: str) -> None:
    told: dict[str, Any] = {"rule": rule}
    if rule == "held_out_environment":
        told["environments"] = [{"sigma": [3.0, 0.1]}]
    raw = books.raw("drawn", learning_rate=RATES, selection=[told], seeds=5, steps=8)
    found = books.run(book, raw, tmp_path)
    table = found["selections"]
    assert table["learning_rate"].tolist() == brute_force(book, raw, found, rule)
    assert (table["n_candidates"] == 3).all()
    models = found["models"]
    chosen = models[models["selection"] == rule]
    assert chosen["learning_rate"].isna().all()
    for row, rate in zip(chosen.itertuples(), table["learning_rate"], strict=True):
        same = (models["seed"] == row.seed) & (models["learning_rate"] == rate)
        assert phis(models[same], 2)[0] == pytest.approx([row.phi_1, row.phi_2])
    summary = found["summary"]
    assert set(summary.loc[summary["selection"] == rule, "quantity"]) >= {"mse", "phi_1"}


def test_leaving_environments_out_trains_on_the_others(book: Path, tmp_path: Path) -> None:
    """With closed-form steps: the score of a candidate is the mean over left-out environments."""
    raw = books.raw("drawn", learning_rate=RATES, seeds=2, steps=8)
    raw["studies"][0]["selection"] = ["leave_one_environment_out"]
    table = books.run(book, raw, tmp_path)["selections"]
    parsed = books.parse(book, raw)
    study = parsed.studies[0]
    for row in table.itertuples():
        scores = {}
        for rate in RATES["value"]:
            losses = []
            for kept, out in ((0, 1), (1, 0)):
                x, y = rows_of(book, raw, "train", kept, int(row.seed), 80)
                phi = np.ones(2)
                for _ in range(8):
                    phi = phi - rate * 2 * (x.T @ (x @ phi - y)) / 80
                place = Dataset(study.model, 50, "validation", study.train_sets[0][out])
                x, y = all_rows(place, 4, int(row.seed))
                losses.append(np.mean((x @ phi - y) ** 2))
            scores[rate] = np.mean(losses)
        assert row.score == pytest.approx(min(scores.values()))
        assert row.learning_rate == min(scores, key=lambda rate: scores[rate])


def test_shards_change_no_choice(book: Path, tmp_path: Path) -> None:
    raw = books.raw("drawn", learning_rate=RATES, selection=["in_distribution"], seeds=4)
    for shards in (1, 3):
        books.run(book, {**raw, "shards": shards}, tmp_path / str(shards))
    for name in ("selections", "models", "errors", "summary"):
        one, three = (tmp_path / f"{shards}/tables/{name}.csv" for shards in (1, 3))
        assert one.read_bytes() == three.read_bytes()


# Bad input

BAD_SHAPE = "LABEL = 'x'\nPARAMETERS = {'a': 1.0}\ndef feature_names(options): return ['p', 'q']\n"
BAD_SHAPE += "def sample(rng, n_samples, environment, mechanism):\n"
BAD_SHAPE += "    return rng.normal(size=(n_samples, 3)), rng.normal(size=n_samples)\n"


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ({"options": {"dom": 2}}, ["options.dom", "no such option", "dim, noise"]),
        ({"options": {"dim": "two"}}, ["options.dim", "'two'", "int"]),
        ({"options": {"dim": [1, 0]}}, ["options.dim", "0", "at least 1"]),
        (
            {"methods": [{"name": "irm", "penalty": "plug_in", "beta": 1}]},
            ["'beta'", "error_weight"],
        ),
        ({"optimiser": {"name": "adam", "beta3": 1}}, ["'beta3'", "beta1, beta2"]),
        ({"optimiser": "adm"}, ["'adm'", "adam"]),
        ({"loss": "hinge"}, ["'hinge'", "logistic, squared"]),
        ({"selection": ["held_out_environment"]}, ["needs environments"]),
        ({"selection": [{"rule": "oracle", "environments": [{"sigma": 1}]}]}, ["brings its own"]),
        ({"selection": ["best"]}, ["'best'", "in_distribution"]),
        ({"learning_rate": {"rule": "capped", "value": 1}}, ["'capped'", "drawn", "'fixed'"]),
        ({"train_environments": [[{"sigma": "low"}]]}, ["sigma = 'low'"]),
        (
            {"loss": "logistic", "methods": [{"name": "irm", "penalty": "u_statistic"}]},
            ["u_statistic", "logistic", "plug_in"],
        ),
    ],
)
def test_a_bad_study_is_told_key_value_and_allowed(
    book: Path, study: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        books.parse(book, books.raw("drawn", **study))
    assert "\n" not in str(caught.value)
    for word in ["studies[0]", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PARAMETERS = {'dim': 1.0}\n", ["needs a function 'sample'"]),
        ("PARAMETERS = {'seed': 1.0}\n", ["'seed'", "name of a column"]),
        ("PARAMETERS = {'dim': 1.0}\nOPTIONS = {'dim': 1}\n", ["'dim' both"]),
        ("def sample(:\n", ["invalid syntax"]),
    ],
)
def test_a_sem_that_cannot_be_one_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    has_sample = "needs a function" not in words[0] and "syntax" not in words[0]
    rest = "def sample(rng, n_samples, environment, mechanism):\n"
    rest += "    return rng.normal(size=(n_samples, 1)), rng.normal(size=n_samples)\n"
    rest += "def feature_names(options):\n    return ['a']\n"
    book = books.create(tmp_path, sems__mine=text + rest * has_sample)
    raw = books.raw("drawn", sem="mine", train_environments=[[{}]], test_environments=[{}])
    raw["studies"][0]["train_environments"] = [[{"seed": 1.0}]] if "seed" in text else [[1.0]]
    raw["studies"][0]["test_environments"] = [{"dim": 1.0}]
    with pytest.raises(ConfigError) as caught:
        books.parse(book, raw)
    for word in words:
        assert word in str(caught.value)


def test_rows_of_a_wrong_shape_are_told(tmp_path: Path) -> None:
    book = books.create(tmp_path, sems__odd=BAD_SHAPE)
    raw = books.raw("drawn", sem="odd", train_environments=[[1.0]], test_environments=[{"a": 1}])
    with pytest.raises(ConfigError, match=r"odd\.py: sample gives x of shape \(2, 3\)"):
        books.parse(book, raw)


# Any valid config


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Any]:
    """A small valid study."""
    sem = draw(st.sampled_from(["drawn", "bare", "classes"]))
    loss = "logistic" if sem == "classes" and draw(st.booleans()) else "squared"
    methods: list[dict[str, Any]] = [{"name": "erm"}]
    if draw(st.booleans()):
        penalties = ["plug_in"] if loss == "logistic" else ["plug_in", "u_statistic", "split_half"]
        methods.append({"name": "irm", "penalty": draw(st.sampled_from(penalties))})
    if sem == "drawn" and draw(st.booleans()):
        methods.append({"name": "oracle"})
    if loss == "squared" and draw(st.booleans()):
        methods.append({"name": "irm_matrix"})
    starts = ["ones", "zeros", "erm", "random"]
    rates = draw(st.lists(st.sampled_from([1e-3, 0.05, 10.0]), min_size=1, max_size=2, unique=True))
    return {
        "sem": sem,
        "loss": loss,
        "methods": draw(st.permutations(methods)),
        "n_samples": draw(st.sampled_from([[8], [20], [8, 30]])),
        "seeds": draw(st.integers(1, 3)),
        "steps": draw(st.integers(2, 25)),
        "learning_rate": {"rule": "fixed", "value": rates},
        "optimiser": draw(st.sampled_from(["gd", "adam", ["gd", "adam"]])),
        "start": draw(st.sampled_from(starts)),
        "intercept": draw(st.booleans()),
        "trajectories": draw(st.booleans()),
        "selection": draw(
            st.sampled_from([[], ["in_distribution"], ["leave_one_environment_out"]])
        ),
    }


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(study=studies())
def test_any_valid_study_passes_all_stages(
    book: Path, tmp_path_factory: pytest.TempPathFactory, study: dict[str, Any]
) -> None:
    raw = books.raw(study["sem"], **study)
    found = books.run(book, raw, tmp_path_factory.mktemp("any"))
    assert len(found["models"]) >= len(study["methods"]) * study["seeds"]
