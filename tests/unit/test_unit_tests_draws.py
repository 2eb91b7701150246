"""The book unit_tests: draws of hyper-parameters, choice, bad input, means over environments."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irm_bench import config, library
from irm_bench.config import ConfigError
from irm_bench.planning import plan
from irm_bench.plugins.selection import mean_over_seeds
from irm_bench.storage import tables
from tests.unit.unit_tests_case import parse, study

# --- hyper-parameters ---------------------------------------------------------------------------

RATE = {"learning_rate": {"default": 0.001, "log10": [-4, -2]}}
SHARE = {"penalty_share": {"default": 0.9, "one_less_log10": [-3, -0.3]}}


def drawn(n_draws: int, name: str = "irm", **specs: Any) -> list[dict[str, float]]:
    """What a method is tuned over, as its cells have it."""
    methods = [{"name": name, "hyperparameters": specs}]
    parsed = parse(methods=methods, draws=n_draws)
    found = []
    for cell in plan.cells_of(parsed.studies[0]):
        assert cell.optimiser is not None
        told = {**dict(cell.params), **dict(cell.optimiser.params)}
        found.append({**told, "learning_rate": cell.learning_rate})
    return found


def test_the_first_draw_is_the_default_and_more_change_none() -> None:
    few, many = drawn(3, **RATE, **SHARE), drawn(200, **RATE, **SHARE)
    assert few == many[:3]
    assert (few[0]["learning_rate"], few[0]["penalty_share"]) == (0.001, 0.9)
    rates = np.log10([cell["learning_rate"] for cell in many[1:]])
    assert -4 < rates.min() < -3.9
    assert -2.1 < rates.max() < -2
    shares = np.array([cell["penalty_share"] for cell in many[1:]])
    assert 1 - 10**-0.3 < shares.min() < 0.6
    assert 0.998 < shares.max() < 0.999


def test_methods_share_draws_of_what_they_share() -> None:
    """As in the published sweep: a draw has one learning rate, whichever method."""
    ours, theirs = drawn(5, **RATE, **SHARE), drawn(5, "erm", **RATE)
    assert [one["learning_rate"] for one in ours] == [one["learning_rate"] for one in theirs]


def test_candidates_are_taken_as_they_stand() -> None:
    told = [{"learning_rate": 0.1, "weight_decay": 0.5}, {"learning_rate": 0.2}]
    parsed = parse(methods=[{"name": "erm", "candidates": told}])
    cells = list(plan.cells_of(parsed.studies[0]))
    assert [cell.learning_rate for cell in cells] == [0.1, 0.2]
    decays = [dict(cell.optimiser.params)["weight_decay"] for cell in cells if cell.optimiser]
    assert decays == [0.5, 0.0]


def test_a_method_can_have_an_optimiser_of_its_own() -> None:
    parsed = parse(methods=[{"name": "erm"}, {"name": "and_mask", "optimiser": "gd"}])
    names = [c.optimiser.plugin.name for c in plan.cells_of(parsed.studies[0]) if c.optimiser]
    assert names == ["adam", "gd"]


def test_the_choice_over_seeds_is_one_for_all_and_the_first_of_equals() -> None:
    nan = float("nan")
    scores = np.array([[0.5, 0.5], [0.1, nan], [0.9, 0.1], [0.5, 0.5]])
    np.testing.assert_array_equal(mean_over_seeds.choose(scores), [0, 0])
    scores[2, 0] = 0.8
    np.testing.assert_array_equal(mean_over_seeds.choose(scores), [2, 2])
    np.testing.assert_array_equal(mean_over_seeds.choose(np.full((2, 3), nan)), [0, 0, 0])
    lost = np.array([[0.1, nan, nan], [nan, 0.3, 0.3], [nan, 0.2, 0.2]])
    np.testing.assert_array_equal(mean_over_seeds.choose(lost), [2, 2, 2])


# --- bad input ----------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "odd n": (
        {"sem": "small_invariant_margin", "loss": "logistic", "n_samples": 61},
        r"n_samples: 61; small_invariant_margin .* multiple of 2",
    ),
    "odd test rows": (
        {"sem": "small_invariant_margin", "loss": "logistic", "n_test_samples": 61},
        r"n_test_samples: 61",
    ),
    "no such environment": (
        {"train_environments": [[0, 10]]},
        r"number = 10; allowed is one of 0, 1, 2, .*9",
    ),
    "fewer than no spurious dimensions": (
        {"options": {"dim_spurious": -1}},
        r"dim_spurious: -1; allowed is at least 0",
    ),
    "no invariant dimension": ({"options": {"dim": 0}}, r"dim: 0; allowed is at least 1"),
    "one environment": (
        {"methods": [{"name": "irm"}], "train_environments": [[1]]},
        r"single training environment; irm needs at least 2",
    ),
    "no intercept": (
        {"methods": [{"name": "and_mask"}], "intercept": False},
        r"'and_mask' needs an intercept.*allowed is intercept: true",
    ),
    "labels that are none": ({"loss": "logistic"}, r"targets such as .*logistic.* is of 0, 1"),
    "an unknown hyper-parameter": (
        {
            "methods": [
                {"name": "erm", "hyperparameters": {"rate": {"default": 1, "log10": [0, 1]}}}
            ]
        },
        r"unknown parameter 'rate'; erm has learning_rate, .*weight_decay",
    ),
    "two ways to draw": (
        {
            "methods": [
                {
                    "name": "erm",
                    "hyperparameters": {
                        "learning_rate": {"default": 1, "log10": [0, 1], "uniform": [0, 1]}
                    },
                }
            ]
        },
        r"allowed is a default and one of uniform, log10, one_less_log10",
    ),
    "bounds the wrong way round": (
        {
            "methods": [
                {
                    "name": "erm",
                    "hyperparameters": {"learning_rate": {"default": 1, "log10": [1, 0]}},
                }
            ]
        },
        r"log10: \[1, 0\]; allowed is a lower and a higher number",
    ),
    "a learning rate of 0": (
        {"methods": [{"name": "erm", "candidates": [{"learning_rate": 0}]}]},
        r"learning_rate 0 is among the candidates; allowed is greater than 0",
    ),
    "drawn and written down": (
        {
            "methods": [
                {"name": "erm", "candidates": [{"learning_rate": 1}], "hyperparameters": RATE}
            ]
        },
        r"it has hyperparameters and candidates; allowed is one of them",
    ),
}


def test_draws_are_counted_before_they_are_made() -> None:
    methods = [{"name": "erm", "hyperparameters": RATE}]
    with pytest.raises(
        ConfigError, match=r"studies\[0\]: 40,000 models of a seed; allowed are 100"
    ):
        config.parse(
            {
                **{"book": "unit_tests", "title": "t", "root_seed": 3, "limits": {"grid": 100}},
                "studies": [study(methods=methods, draws=10_000, options={"dim": [1, 2, 3, 4]})],
            }
        )


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_before_any_work(case: str) -> None:
    changes, words = BAD[case]
    with pytest.raises(ConfigError, match=words):
        parse(**changes)


def test_no_spurious_dimension_is_a_study_like_any_other() -> None:
    parsed = parse(options={"dim_spurious": 0}, methods=[{"name": "irm"}])
    assert parsed.studies[0].model.n_features == 6


# --- the oracle, and averages -------------------------------------------------------------------


def test_the_oracle_trains_and_is_chosen_on_shuffled_rows() -> None:
    """It stands beside the others in one study, with the training set's own name."""
    parsed = parse(methods=[{"name": "erm"}, {"name": "oracle"}], selection=["in_distribution"])
    erm, oracle = plan.cells_of(parsed.studies[0])
    assert [d.environment["shuffled"] for d in erm.datasets()] == [0, 0, 0]
    assert [d.environment["shuffled"] for d in oracle.datasets()] == [1, 1, 1]
    (rule,) = parsed.studies[0].selection
    validation = plan.validation_of(parsed.studies[0], rule, oracle)
    assert [d.environment["shuffled"] for d in validation] == [1, 1, 1]
    assert erm.train_label == oracle.train_label == "0.0;1.0;2.0"


def test_the_oracle_needs_environments_that_can_be_shuffled() -> None:
    with pytest.raises(ConfigError, match=r"'oracle' trains in .* another shuffled, and chain has"):
        parse(
            sem="chain",
            methods=[{"name": "oracle"}],
            train_environments=[[0.2, 2]],
            test_environments=[{"e": [1]}],
        )


def test_summaries_have_the_mean_over_test_environments() -> None:
    """Of each seed first, so that the interval is over seeds; diverged seeds are in none."""
    methods = [{"name": "erm", "candidates": [{"learning_rate": 0.01}, {"learning_rate": 1e6}]}]
    raw = {"book": "unit_tests", "title": "t", "root_seed": 3, "averages": True}
    parsed = config.parse({**raw, "studies": [study(methods=methods, optimiser="gd", steps=90)]})
    with tempfile.TemporaryDirectory() as folder:
        library.run_stages(parsed, Path(folder))
        contracts = tables.contracts(parsed)
        errors, summary = (
            tables.read(Path(folder) / "tables" / f"{name}.csv", contracts[name])
            for name in ("errors", "summary")
        )
    calm = errors[(errors["learning_rate"] == 0.01) & (errors["split"] == "test")]
    by_seed = calm.groupby("seed")["mse"].mean()
    rows = summary[(summary["environment"] == "average") & (summary["quantity"] == "mse")]
    (row,) = rows[(rows["learning_rate"] == 0.01) & (rows["ci_method"] == "t")].to_dict("records")
    assert row["mean"] == pytest.approx(by_seed.mean())
    assert row["sd"] == pytest.approx(by_seed.std(ddof=1))
    assert (row["n_seeds"], row["n_environments"], row["split"]) == (3, 3, "test")
    (lost, _) = rows[rows["learning_rate"] == 1e6].to_dict("records")
    assert (lost["n_seeds"], lost["n_diverged"]) == (0, 3)
