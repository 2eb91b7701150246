"""Data models of other kinds than the notebook's: drawn for every seed, or known by rows alone."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench.config import Environment
from irm_bench.planning.sampling import all_rows
from irm_bench.plugins.model import Model
from irm_bench.theory.moments import products, risk, unpack_products
from tests.unit import books
from tests.unit.books import PLACES, Run, WrittenBook, study

ROOT_SEED = 4


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A SEM whose weights are drawn for every seed, along all stages."""
    return books.create(tmp_path_factory.mktemp("drawn")).run(
        study(test_environments=[{"sigma": [0.5, 2.0], "shift": [0.0, 1.0]}], trajectories=True)
    )


@pytest.fixture(scope="module")
def rows_alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A SEM of which nothing is known but rows, and whose environments have names."""
    sets = [["here", "there"], [{"place": "here", "spread": 0.8}, "there"]]
    return books.create(tmp_path_factory.mktemp("rows")).run(
        study(**{**PLACES, "train_environments": sets})
    )


def phis(frame: pd.DataFrame, d: int) -> np.ndarray:
    return frame[[f"phi_{j + 1}" for j in range(d)]].to_numpy(dtype=float)


# --- drawn for every seed ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("shift", [0.0, -2.0])
def test_rows_have_the_moments_of_their_own_population(drawn: Run, seed: int, shift: float) -> None:
    """Every first and second moment within six standard errors, for the mechanism of each seed."""
    dataset = drawn.dataset("train", 0.7, shift, n=100_000)
    x, y = all_rows(dataset, ROOT_SEED, seed)
    model = dataset.model
    truth = model.population(dataset.environment.mapping, model.mechanism(ROOT_SEED, seed))
    m = products(x, y)
    gram, cross = unpack_products(m.mean(axis=1), 3)
    error_gram, error_cross = unpack_products(m.std(axis=1) / np.sqrt(len(y)), 3)
    assert (np.abs(gram - truth.gram) < 6 * error_gram).all()
    assert (np.abs(cross - truth.cross) < 6 * error_cross).all()
    columns = np.column_stack([x, y])
    error = columns.std(axis=0) / np.sqrt(len(y))
    assert (np.abs(columns.mean(axis=0) - truth.mean) < 6 * error).all()


def test_a_mechanism_is_its_seeds_and_its_structures_own(drawn: Run) -> None:
    model = drawn.config.studies[0].model
    weights = [model.mechanism(root, seed)["weights"] for root in (4, 5) for seed in (0, 1)]
    assert len({tuple(one) for one in weights}) == 4
    other = Model(model.sem, (("n_causes", 2), ("scale", 3.0)), 3)
    assert not np.allclose(other.mechanism(4, 0)["weights"], 3 * weights[0])
    again = Model(model.sem, model.options, 3, intercept=True)
    assert np.array_equal(again.mechanism(4, 0)["weights"], weights[0])


def test_exact_columns_are_those_of_the_seeds_own_mechanism(drawn: Run) -> None:
    model = drawn.config.studies[0].model
    keys = ["study", "method", "penalty", "seed"]
    merged = drawn.table("errors").merge(drawn.table("models"), on=keys)
    assert len(merged) == 3 * 3 * 6
    for (seed, sigma, shift), rows in merged.groupby(["seed", "sigma", "shift"]):
        mechanism = model.mechanism(ROOT_SEED, seed)
        environment = {"sigma": sigma, "shift": shift}
        truth = model.population(environment, mechanism)
        assert rows["risk"].to_numpy() == pytest.approx(risk(phis(rows, 3), truth))
        assert rows["optimum"].to_numpy() == pytest.approx(sigma**2)
        oracle = rows[rows["method"] == "oracle"]
        assert phis(oracle, 3)[0] == pytest.approx([*mechanism["weights"], 0.0])
        assert oracle["risk"].to_numpy() == pytest.approx(sigma**2)


def test_environments_know_each_seeds_oracle(drawn: Run) -> None:
    table = drawn.table("environments")
    for row in table[table["split"] == "train"].itertuples():
        x, y = all_rows(drawn.dataset("train", row.sigma), ROOT_SEED, int(row.seed))
        weights = drawn.config.studies[0].model.mechanism(ROOT_SEED, int(row.seed))["weights"]
        noise = y - x[:, :2] @ weights
        assert row.oracle_mse == pytest.approx(np.mean(noise**2))
        assert row.noise_variance == pytest.approx(noise.var(ddof=1))
        assert row.corr_3 == pytest.approx(np.corrcoef(x[:, 2], y)[0, 1])


def test_terms_of_the_excess_add_up_seed_by_seed(drawn: Run) -> None:
    frame = drawn.table("decomposition")
    keys = ["method", "penalty", "split", "environment"]
    wide = frame.pivot_table(index=keys, columns="quantity", values="mean").dropna()
    errors = drawn.table("errors").assign(excess=lambda rows: rows["risk"] - rows["optimum"])
    assert len(wide) > 6
    total = wide["objective_bias"] + wide["optimisation_gap"] + wide["estimation_error"]
    assert total.to_numpy() == pytest.approx(wide["excess"].to_numpy())
    means = errors.groupby(keys)["excess"].mean().loc[wide.index]
    assert means.to_numpy() == pytest.approx(wide["excess"].to_numpy())


def test_a_further_seed_changes_no_other_number(drawn: Run, tmp_path: Path) -> None:
    book = WrittenBook(drawn.folder.parent / "written_book")
    (given,) = drawn.config.resolved["studies"]
    again = book.run({**given, "seeds": [0, 1, 2, 7]})
    for name in ("models", "errors", "environments", "trajectories", "converged"):
        found = again.table(name)
        kept = found[found["seed"] != 7].reset_index(drop=True)
        assert len(kept) < len(found)
        pd.testing.assert_frame_equal(kept, drawn.table(name))


# --- structures -------------------------------------------------------------------------------


def test_two_options_are_a_grid(book: WrittenBook) -> None:
    options = {"n_causes": [1, 3], "scale": [0.5, 1.0]}
    run = book.run(study(options=options, seeds=2))
    models = run.table("models")
    pairs = list(dict.fromkeys(zip(models["n_causes"], models["scale"], strict=True)))
    assert pairs == list(itertools.product([1, 3], [0.5, 1.0]))
    assert (models.groupby(["n_causes", "scale", "method"]).size() == 2).all()
    assert [f"phi_{j + 1}" for j in range(4)] == [c for c in models if c.startswith("phi_")]
    for n_causes, rows in models.groupby("n_causes"):
        given = rows[[c for c in models if c.startswith("phi_")]].notna()
        assert given.to_numpy().sum(axis=1).tolist() == [n_causes + 1] * len(rows)


def test_roles_name_every_feature(book: WrittenBook) -> None:
    book.add("sems/mute", books.DRAWN.replace("def roles", "def _roles"))
    book.add("sems/fixed", FIXED)
    raw = {"test_environments": [{"sigma": 1.0}], "train_environments": [[0.5, 1.0]]}

    def roles(sem: str, **keys: object) -> tuple[str, ...]:
        return book.parse(study(sem=sem, **raw, **keys)).studies[0].model.roles

    assert roles("drawn") == ("cause", "cause", "effect")
    assert roles("drawn", options={"n_causes": 1}) == ("cause", "effect")
    assert roles("drawn", intercept=True) == ("cause", "cause", "effect", "mixed")
    assert roles("mute") == ("mixed",) * 3  # its oracle is another one for every seed
    assert roles("fixed") == ("cause", "effect")  # by the oracle's weights


FIXED = """
import numpy as np

PARAMETERS = {"sigma": None}


def sample(rng, n_samples, environment, mechanism):
    x = environment["sigma"] * rng.normal(size=n_samples)
    y = x + environment["sigma"] * rng.normal(size=n_samples)
    return np.column_stack([x, y + rng.normal(size=n_samples)]), y


def causal_solution(mechanism):
    return np.array([1.0, 0.0])
"""


# --- rows alone -------------------------------------------------------------------------------

UNKNOWN = {
    "errors": ["risk", "optimum"],
    "environments": ["noise_variance", "oracle_mse", "optimum"],
}
WITHOUT_ROWS = ("decomposition", "penalty_draws", "penalty_estimates", "starts", "coverage")


def test_what_is_not_known_is_empty(rows_alone: Run) -> None:
    for name, columns in UNKNOWN.items():
        frame = rows_alone.table(name)
        assert len(frame)
        assert frame[columns].isna().all(axis=None)
    for name in WITHOUT_ROWS:
        assert rows_alone.table(name).empty
    summary = rows_alone.table("summary").set_index("quantity")
    assert (summary.loc["risk", "n_seeds"] == 0).all()
    assert (summary.loc["mse", "n_seeds"] == 3).all()


def test_what_is_seen_is_there(rows_alone: Run) -> None:
    errors, models = rows_alone.table("errors"), rows_alone.table("models")
    assert not errors["mse"].isna().any()
    assert phis(models, 2).shape == (2 * 2 * 3, 2)
    ended = rows_alone.table("converged")
    erm = ended[(ended["method"] == "erm") & (ended["train_set"] == "here;there")]
    for row in erm.itertuples():
        drawn = [
            all_rows(rows_alone.dataset("train", p), 4, int(row.seed)) for p in ("here", "there")
        ]
        x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
        found = np.array([row.phi_1, row.phi_2])
        assert found == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0])


def test_environments_are_told_apart_by_texts(rows_alone: Run) -> None:
    models, errors = rows_alone.table("models"), rows_alone.table("errors")
    assert set(models["train_set"]) == {"here;there", "place=here, spread=0.8;there"}
    test = errors[errors["split"] == "test"]
    assert set(test["place"]) == {"here", "far"}
    assert set(test["environment"]) == {"place=here", "place=far"}
    train = errors[(errors["split"] == "train") & (errors["spread"] == 0.8)]
    assert set(train["environment"]) == {"place=here, spread=0.8"}
    assert rows_alone.config.studies[0].model.feature_names == ["x_1", "x_2"]


def test_a_bare_value_stands_for_the_first_parameter(book: WrittenBook) -> None:
    sets = [["there", {"place": "here", "spread": 1.0}], [{"place": "there"}, "here"]]
    typed = book.parse(study(**{**PLACES, "train_environments": sets})).studies[0]
    spread = (("spread", 1.0),)
    expected = tuple(Environment((("place", p), *spread), spread) for p in ("here", "there"))
    assert typed.train_sets == (expected,)


def test_what_is_not_known_is_not_diverged(rows_alone: Run) -> None:
    """Risks that the SEM does not know are in no mean, and make no run a diverged one."""
    summary = rows_alone.table("summary")
    unknown = summary[summary["quantity"].isin(["risk", "excess_risk"])]
    assert len(unknown)
    assert (unknown["n_seeds"] == 0).all()
    assert (unknown["n_diverged"] == 0).all()
