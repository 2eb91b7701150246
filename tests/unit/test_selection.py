"""Rules of choice against a recomputation by numpy from the rows and the candidates' φ."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench.config import Environment
from irm_bench.planning import plan
from irm_bench.planning.sampling import all_rows
from irm_bench.plugins.registry import find_book
from irm_bench.storage.handover import TrainedStore
from tests.unit import books
from tests.unit.books import Run, WrittenBook, study

SIGMAS = (0.3, 0.8, 1.4)
HELD_OUT = (0.1, 2.0)
TEST = (0.5, 3.0)
RULES = ("in_distribution", "held_out_environment", "leave_one_environment_out", "oracle")
TUNED = ["error_weight", "beta", "ridge", "beta1", "learning_rate"]
STUDY = study(
    options={"n_causes": [1, 2]},
    train_environments=[list(SIGMAS)],
    test_environments=[{"sigma": list(TEST)}],
    methods=[
        {"name": "irm", "penalty": "plug_in", "error_weight": [0.001, 0.1, 10.0]},
        {"name": "spread", "beta": [0.0, 3.0], "ridge": [0.0, 0.3]},
        {"name": "ridge", "ridge": [0.01, 1.0, 100.0]},
        {"name": "oracle"},
    ],
    optimiser=["gd", {"name": "adam", "beta1": [0.5, 0.9]}],
    learning_rate={"rule": "fixed", "value": [0.0005, 0.004]},
    selection=[
        "in_distribution",
        {"rule": "held_out_environment", "environments": [{"sigma": list(HELD_OUT)}]},
        "leave_one_environment_out",
        "oracle",
    ],
    seeds=4,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return books.create(tmp_path_factory.mktemp("selection")).run(STUDY)


def loss_on(model: plan.Model, phi: np.ndarray, split: str, sigma: float, seed: int) -> float:
    """Mean squared error of φ on the rows of an environment, drawn anew."""
    sizes = {"validation": STUDY["n_validation_samples"], "test": STUDY["n_test_samples"]}
    environment = Environment((("sigma", sigma), ("shift", 0.0)), (("shift", 0.0),))
    dataset = plan.Dataset(model, sizes[split], split, environment)
    x, y = all_rows(dataset, 4, seed)
    return float(np.mean((x @ phi - y) ** 2))


def score(store: TrainedStore, rule: str, cell: plan.Cell, seed: int) -> float:
    """What a rule goes by, of one candidate and seed."""

    def phi(trained: plan.Cell) -> np.ndarray:
        return store.phi(trained, np.array([seed]))[0]

    def mean(split: str, sigmas: Sequence[float]) -> float:
        return float(np.mean([loss_on(cell.model, phi(cell), split, s, seed) for s in sigmas]))

    match rule:
        case "in_distribution":
            return mean("validation", SIGMAS)
        case "held_out_environment":
            return mean("validation", HELD_OUT)
        case "oracle":
            return mean("test", TEST)
    losses = []
    for environment in cell.train:
        rest = phi(cell.without(environment))
        losses.append(loss_on(cell.model, rest, "validation", environment["sigma"], seed))
    return float(np.mean(losses))


@pytest.fixture(scope="module")
def best(run: Run) -> dict[tuple[str, int, str, int], tuple[plan.Cell, float, int]]:
    """By rule, n_causes, method and seed: the candidate of least score, the score, how many."""
    store = TrainedStore(run.config, sorted((run.folder / "trained").glob("*/0.npz")))
    found = {}
    for rule in RULES:
        for seed in range(4):
            scores: dict[tuple[int, str], list[tuple[float, plan.Cell]]] = {}
            for cell in plan.cells_of(run.config.studies[0]):
                key = (cell.model.option["n_causes"], cell.key.method)
                scores.setdefault(key, []).append((score(store, rule, cell, seed), cell))
            for (n_causes, method), candidates in scores.items():
                least, cell = min(candidates, key=lambda pair: pair[0])
                found[rule, n_causes, method, seed] = (cell, least, len(candidates))
    return found


def value(cell: plan.Cell, name: str) -> object:
    return plan.setting_names(cell).get(name)


def test_each_rule_chooses_the_least_loss_on_its_rows(run: Run, best: dict) -> None:
    table = run.table("selections")
    assert len(table) == len(RULES) * 2 * 4 * 4 == len(best)
    for row in table.to_dict("records"):
        key = (row["selection"], row["n_causes"], row["method"], row["seed"])
        cell, least, n_candidates = best[key]
        assert row["score"] == pytest.approx(least, rel=1e-9)
        assert row["n_candidates"] == n_candidates
        assert row["optimiser"] == (value(cell, "optimiser") or "")
        for name in TUNED:
            expected = value(cell, name)
            assert row[name] == expected or (expected is None and np.isnan(row[name]))


def test_rules_differ(run: Run) -> None:
    """Each looks at rows of its own, so that somewhere each chooses otherwise than the others."""
    table = run.table("selections").fillna(dict.fromkeys(TUNED, -1.0))
    table["chosen"] = table[[*TUNED, "optimiser"]].astype(str).agg(" ".join, axis=1)
    wide = table.pivot_table(
        index=["n_causes", "method", "seed"], columns="selection", values="chosen", aggfunc="first"
    )
    assert wide.T.duplicated().sum() == 0


def test_what_is_chosen_enters_the_tables_as_it_was_trained(run: Run) -> None:
    """With its rule, and without what was tuned, which differs from seed to seed."""
    chosen = run.table("selections")
    for name in ("models", "errors"):
        table = run.table(name)
        selected, plain = table[table["selection"] != ""], table[table["selection"] == ""]
        assert set(selected["selection"]) == set(RULES)
        assert selected[TUNED].isna().all(axis=None)
        assert set(selected["optimiser"]) == {""}
        keys = ["study", "n_causes", "method", "optimiser", *TUNED, "seed"]
        origin = chosen[[*keys, "selection"]].merge(plain.drop(columns="selection"), on=keys)
        places = ["split", "sigma"] if name == "errors" else []
        by = ["selection", "n_causes", "method", "seed", *places]
        numbers = ["mse", "risk", "optimum"] if name == "errors" else MODEL_NUMBERS
        expected = origin.set_index(by)[numbers].sort_index()
        found = selected.set_index(by)[numbers].sort_index()
        pd.testing.assert_frame_equal(found, expected)


MODEL_NUMBERS = ["phi_1", "phi_2", "phi_3", "train_risk", "final_penalty", "size", "diverged_at"]


def test_the_candidates_stay(run: Run, book: WrittenBook) -> None:
    plain = book.run({**STUDY, "selection": []}).table("models")
    found = run.table("models")
    kept = found[found["selection"] == ""].drop(columns="selection").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, plain)


def test_summaries_are_over_what_each_seed_chose(run: Run) -> None:
    summary, errors = run.table("summary"), run.table("errors")
    chosen = errors[errors["selection"] != ""]
    keys = ["selection", "n_causes", "method", "split", "environment"]
    means = chosen.groupby(keys)["mse"].agg(["mean", "size"])
    rows = summary[(summary["quantity"] == "mse") & (summary["ci_method"] == "t")]
    rows = rows[rows["selection"] != ""].set_index(keys)
    assert len(rows) == len(means)
    assert (rows["n_seeds"] == 4).all()
    assert rows["mean"].sort_index().to_numpy() == pytest.approx(means["mean"].sort_index())


def test_shards_change_no_byte(run: Run) -> None:
    """Three, of which one has more seeds than the others."""
    book = WrittenBook(run.folder.parent / "written_book")
    again = book.run(STUDY, shards=3)
    assert again.config.shards == 3
    assert again.bytes() == run.bytes()


def test_a_further_method_or_rule_changes_no_other_choice(run: Run) -> None:
    book = WrittenBook(run.folder.parent / "written_book")
    less = {
        **STUDY,
        "methods": STUDY["methods"][:2],
        "selection": [STUDY["selection"][3], STUDY["selection"][1]],
    }
    found = book.run(less).table("selections")
    whole = run.table("selections")
    kept = whole[whole["method"].isin(["irm", "spread"]) & whole["selection"].isin(RULES[1::2])]
    keys = ["selection", "n_causes", "method", "seed"]
    columns = [*keys, "score", *TUNED]
    pd.testing.assert_frame_equal(
        found[columns].sort_values(keys).reset_index(drop=True),
        kept[columns].sort_values(keys).reset_index(drop=True),
    )


def test_a_diverged_run_is_chosen_only_if_all_are(book: WrittenBook) -> None:
    given_ = study(
        methods=[{"name": "irm", "penalty": "plug_in"}],
        learning_rate={"rule": "fixed", "value": [50.0, 0.002]},
        selection=["in_distribution"],
    )
    assert set(book.run(given_).table("selections")["learning_rate"]) == {0.002}
    wild = given_ | {"learning_rate": {"rule": "fixed", "value": [50.0, 60.0]}}
    run = book.run(wild)
    models = run.table("models")
    assert models["diverged_at"].notna().all()
    assert run.table("selections")["score"].isna().all()
    assert (run.table("summary")["n_seeds"] == 0).any()


scores = st.lists(
    st.lists(
        st.floats(0, 10) | st.just(float("nan")) | st.just(float("inf")), min_size=3, max_size=3
    ),
    min_size=1,
    max_size=6,
)


# The rule that is left out chooses one candidate for all seeds.
SEED_BY_SEED = [
    name for name in find_book("notebook").names("selection") if name != "mean_over_seeds"
]


@pytest.mark.parametrize("rule", SEED_BY_SEED)
@given(scores)
def test_a_rule_takes_a_finite_minimum_of_each_seed(rule: str, given_: list[list[float]]) -> None:
    matrix = np.array(given_)
    chosen = find_book("notebook").plugin("selection", rule).load().choose(matrix)
    assert chosen.shape == (3,)
    for seed, candidate in enumerate(chosen):
        finite = matrix[np.isfinite(matrix[:, seed]), seed]
        if len(finite):
            assert matrix[candidate, seed] == finite.min()
