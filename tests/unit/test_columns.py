"""Columns follow a config's plugins, and labels tell apart all that they stand for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench.config import Environment
from irm_bench.config.layout import layout_of, set_label
from irm_bench.storage import tables
from tests.unit import books
from tests.unit.books import IRM, PLACES, WrittenBook, study

values = (
    st.floats(-1e6, 1e6) | st.integers(-5, 5).map(float) | st.sampled_from(["here", "there", "a b"])
)
DEFAULTS = (("second", 1.0), ("third", "usual"))


@st.composite
def environments(draw: st.DrawFn) -> Environment:
    """An environment of a SEM whose first parameter has no default."""
    second = draw(st.floats(0, 10) | st.just(1.0))
    third = draw(st.sampled_from(["usual", "other"]))
    return Environment((("first", draw(values)), ("second", second), ("third", third)), DEFAULTS)


@given(st.lists(environments(), min_size=2, max_size=5, unique=True))
def test_labels_tell_environments_apart(found: list[Environment]) -> None:
    assert len({environment.label for environment in found}) == len(found)


@given(st.lists(st.frozensets(environments(), min_size=1, max_size=3), max_size=4, unique=True))
def test_labels_tell_training_sets_apart(found: list[frozenset[Environment]]) -> None:
    labels = {set_label(sorted(members, key=str)) for members in found}
    assert len(labels) == len(found)


def test_options_of_all_studies_are_columns_each_of_its_kind(book: WrittenBook) -> None:
    whole = "OPTIONS = {'n_causes': 1, 'scale': 2, 'shape': 'round'}\n"
    book.add("sems/shaped", books.ROWS_ALONE + whole)
    shaped = {**PLACES, "sem": "shaped", "name": "two"}
    layout = layout_of(book.parse(study(), study(**shaped)))
    # a count in one SEM and a number in the other is a number
    assert dict(layout.options) == {"n_causes": "integer", "scale": "number", "shape": "text"}


def test_parameters_of_all_studies_are_columns(book: WrittenBook) -> None:
    layout = layout_of(book.parse(study(), study(**PLACES, name="two")))
    kinds = {"sigma": "number", "shift": "number", "place": "text", "spread": "number"}
    assert dict(layout.parameters) == kinds
    assert dict(layout.main_parameters) == {"sigma": "number", "place": "text"}
    assert layout.train_column == "train_set"


def test_training_sets_of_sigma_alone_are_called_so(book: WrittenBook) -> None:
    assert layout_of(book.parse(study())).train_column == "train_sigmas"
    shifted = [[0.5, {"sigma": 1.0, "shift": 1.0}]]
    assert layout_of(book.parse(study(train_environments=shifted))).train_column == "train_set"


def test_what_methods_bring_is_there_once(book: WrittenBook) -> None:
    methods: list[dict[str, Any]] = [{"name": "ridge"}, {"name": "spread"}, IRM]
    layout = layout_of(book.parse(study(methods=methods), study(name="two", methods=methods[::-1])))
    assert [name for name, _ in layout.params] == ["ridge", "beta", "error_weight"]
    assert layout.extras == (("size", "squared length of φ"),)
    assert layout.metrics == ("mse",)
    assert not layout.has_selection


@pytest.mark.parametrize("n_causes", [1, 4])
@pytest.mark.parametrize("intercept", [False, True])
def test_features_are_counted(book: WrittenBook, n_causes: int, intercept: bool) -> None:
    given_ = study(options={"n_causes": [1, n_causes][: 1 + (n_causes > 1)]}, intercept=intercept)
    layout = layout_of(book.parse(given_, study(**PLACES, name="two")))
    assert len(layout.phis) == n_causes + 1 + intercept


def test_every_column_stands_once_and_is_documented(book: WrittenBook) -> None:
    one = study(selection=["oracle"], optimiser=["gd", "adam"], start="zeros", trajectories=True)
    two = study(**PLACES, name="two") | {"methods": [{"name": "ridge"}, {"name": "spread"}]}
    contracts = tables.contracts(book.parse(one, two))
    for contract in contracts.values():
        assert len(set(contract.names)) == len(contract.names)
        assert set(contract.keys) <= set(contract.names)
        assert all(column.meaning for column in contract.columns)
    text = tables.document(contracts)
    for name in ("n_causes", "place", "beta1", "ridge", "size", "selection", "train_set"):
        assert f"| `{name}` |" in text


def test_tables_without_selection_have_no_column_of_it(book: WrittenBook) -> None:
    names = {name for c in tables.contracts(book.parse(study())).values() for name in c.names}
    assert "selection" not in names
    assert "selections" not in tables.contracts(book.parse(study()))
