"""Any valid config of an outside book ends in a page, and no job's size changes a byte."""

import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit import books
from tests.unit.any_config import N_DRAWS
from tests.unit.books import WrittenBook
from tests.unit.test_any_config import holes

# Of each SEM: environments, what its options may be, and whether it knows its oracle.
SEMS: dict[str, tuple[list[Any], dict[str, list[Any]], bool]] = {
    "drawn": (
        [{"sigma": 0.5}, {"sigma": 1.0, "shift": 0.5}, {"sigma": 1.5}],
        {"n_causes": [1, 2, 3], "scale": [1, 0.5]},
        True,
    ),
    "example_1": (
        [{"sigma": 0.3}, {"sigma": 1.0}, {"sigma": 1.0, "gamma": -1.0}],
        {"dim": [1, 2]},
        True,
    ),
    "shifted": ([{"centre": 0.0}, {"centre": 1.0}, {"centre": 2.0, "level": 1.0}], {}, False),
    "rows_alone": ([{"place": "here"}, {"place": "there"}, {"place": "far"}], {}, False),
    "classes": ([{"width": 1.0}, {"width": 2.0}, {"width": 1.0, "tilt": 0.5}], {}, False),
}
STARTS = ["ones", "zeros", "oracle", "erm", "random"]


RATES = {"rule": "fixed", "value": [30.0, 1e-3]}
OPTIMISERS = ["gd", {"name": "adam", "beta1": 0.5}]


def some(draw: st.DrawFn, values: list[Any], least: int = 1, most: int = 2) -> list[Any]:
    """A few of the values, each at most once, in any order."""
    places = st.sampled_from(range(len(values)))
    chosen = draw(st.lists(places, min_size=least, max_size=most, unique=True))
    return [values[i] for i in chosen]


@st.composite
def methods(draw: st.DrawFn, loss: str, knows_oracle: bool) -> list[dict[str, Any]]:
    """Methods that can train on a loss, some with lists of parameters."""
    weights = some(draw, [1e-5, 0.1, 1.0])
    penalties = ["plug_in"] if loss == "logistic" else ["plug_in", "u_statistic", "split_half"]
    known = [
        {"name": "erm", "monitor": draw(st.sampled_from(penalties))},
        {
            "name": "spread",
            "beta": some(draw, [0.0, 1.0]),
            "ridge": draw(st.sampled_from([0, 0.1])),
        },
    ]
    known += [{"name": "irm", "penalty": name, "error_weight": weights} for name in penalties]
    if loss == "squared":
        known += [{"name": "ridge", "ridge": some(draw, [0.1, 1.0])}, {"name": "irm_matrix"}]
    if knows_oracle:
        known.append({"name": "oracle"})
    return some(draw, known, most=3)


@st.composite
def selections(draw: st.DrawFn, environments: list[Any], n_train: int) -> list[Any]:
    """Rules that a study of so many training environments may have."""
    held_out = [draw(st.sampled_from(environments))]
    rules = ["in_distribution", "oracle"]
    rules += [{"rule": "held_out_environment", "environments": held_out}]
    if n_train > 2:
        rules.append("leave_one_environment_out")
    return some(draw, rules, least=0)


@st.composite
def any_study(draw: st.DrawFn, name: str) -> dict[str, Any]:
    sem = draw(st.sampled_from(list(SEMS)))
    environments, options, knows_oracle = SEMS[sem]
    loss = "logistic" if sem == "classes" and draw(st.booleans()) else "squared"
    sets = [environments[:2], environments][: draw(st.integers(1, 2))]
    if draw(st.booleans()):
        sets = sets[-1:]
    given_options = {key: some(draw, values) for key, values in options.items()}
    return {
        "name": name,
        "sem": sem,
        "options": given_options if draw(st.booleans()) else {},
        "loss": loss,
        "intercept": draw(st.booleans()),
        "train_environments": sets,
        "test_environments": some(draw, environments),
        "methods": draw(methods(loss, knows_oracle)),
        "n_samples": some(draw, [8, 10, 24]),
        "n_test_samples": draw(st.integers(2, 20)),
        "n_validation_samples": draw(st.integers(2, 20)),
        "steps": draw(st.integers(2, 40)),
        **draw(st.sampled_from([{"learning_rate": RATES}, {"optimiser": OPTIMISERS}, {}])),
        "start": some(draw, STARTS if knows_oracle else ["ones", "zeros", "erm", "random"]),
        "selection": draw(selections(environments, min(map(len, sets)))),
        "seeds": draw(st.integers(1, 3) | st.just([5]) | st.just([2, 7])),
        "trajectories": draw(st.booleans()),
    }


@st.composite
def studies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One study or two, of SEMs that may differ."""
    return [draw(any_study(f"study_{i}")) for i in range(draw(st.integers(1, 2)))]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> WrittenBook:
    return books.create(tmp_path_factory.mktemp("any"))


@settings(
    max_examples=N_DRAWS // 2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(given_studies=studies())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers of runs that diverge
def test_any_valid_config_of_an_outside_book_ends_in_a_page(
    shelf: WrittenBook, given_studies: list[dict[str, Any]]
) -> None:
    whole = shelf.run(*given_studies, report=True)
    assert not holes(whole.folder / "report.html")
    n_seeds = len(whole.config.seeds)
    models = whole.table("models")
    keys = [*models.columns[: models.columns.get_loc("seed") + 1]]
    assert not models.duplicated(keys).any()
    assert set(models["seed"]) == set(whole.config.seeds)
    if n_seeds > 1:
        cut = shelf.run(*given_studies, shards=n_seeds)
        assert cut.bytes() == whole.bytes()
        shutil.rmtree(cut.folder)
    shutil.rmtree(whole.folder)
