"""Numbers looked up by name."""

import math

import pandas as pd
import pytest

from irm_bench.report import views
from irm_bench.report.ledger import Ledger, compare
from irm_bench.storage import tables
from irm_bench.storage.tables import TableError
from tests.unit.report_case import Case

SUMMARY = pd.DataFrame(
    {
        "method": ["erm", "irm", "irm", "slow"],
        "penalty": ["", "plug_in", "split_half", "plug_in"],
        "error_weight": [math.nan, 1e-5, 1e-5, 1e-5],
        "quantity": "mse",
        "n_seeds": [100, 100, 98, 0],
        "n_diverged": [0, 0, 2, 100],
        "mean": [0.5, 0.25, 0.26, math.nan],
        "sd": [0.1, 0.1, 0.1, math.nan],
        "ci_low": [0.48, 0.24, 0.245, math.nan],
        "ci_high": [0.52, 0.26, 0.275, math.nan],
    }
)


@pytest.fixture
def book() -> Ledger:
    return Ledger({"summary": SUMMARY, "facts": pd.DataFrame({"name": ["n"], "value": [50000.0]})})


def test_a_number_links_to_the_line_that_it_comes_from(book: Ledger) -> None:
    entry = book.value("summary", method="erm")
    assert entry.short == "0.50"
    assert entry.line == 2
    assert 'href="#n-summary-2-mean"' in entry.__html__()
    assert "mean over 100 seeds" in entry.title
    assert book.cited == {entry.anchor: entry}


def test_none_stands_for_an_empty_cell(book: Ledger) -> None:
    assert book.value("summary", error_weight=None).about.startswith("method erm")


@pytest.mark.parametrize(
    ("table", "keys", "message"),
    [
        ("summary", {"method": "irm"}, "has 2 rows"),
        ("summary", {"method": "vrex"}, "has 0 rows"),
        ("summary", {"weight": 1}, "no column 'weight'"),
        ("sumary", {}, "known: summary, facts"),
    ],
)
def test_a_lookup_that_is_not_unique_is_an_error(
    book: Ledger, table: str, keys: dict, message: str
) -> None:
    with pytest.raises(TableError, match=message):
        book.value(table, **keys)


def test_intervals_decide_what_is_lower(book: Ledger) -> None:
    erm, plug_in = (
        book.value("summary", method="erm"),
        book.value("summary", penalty="plug_in", method="irm"),
    )
    split_half, slow = (
        book.value("summary", penalty="split_half"),
        book.value("summary", method="slow"),
    )
    assert compare(plug_in, erm) == -1
    assert compare(erm, plug_in) == 1
    assert compare(plug_in, split_half) == 0
    assert compare(slow, erm) is None


def test_a_mean_of_no_run_says_so(book: Ledger) -> None:
    assert book.value("summary", method="slow").short == "no value (all runs diverged)"


def test_settings_keep_their_digits(book: Ledger) -> None:
    assert book.value("facts", name="n").short == "50,000"


def test_what_tells_rows_apart_does(case: Case) -> None:
    contracts = tables.contracts(case.config)
    for name, contract in contracts.items():
        frame = tables.read(case.tables / f"{name}.csv", contract)
        assert not frame.duplicated(list(contract.row_keys)).any(), name
    for name, view in views.load_figures(case.config, case.figures).items():
        assert not view.data.duplicated(list(view.row_keys)).any(), name


def test_an_entry_says_no_more_than_tells_it_apart() -> None:
    frame = pd.DataFrame(
        {"method": ["erm", "irm"], "rows": [5, 5], "learning_rate": [1.0, 2.0], "mean": [0.1, 0.2]}
    )
    keys = {"made": ("method", "rows", "learning_rate")}
    assert Ledger({"made": frame}, keys).value("made", method="irm").about == "method irm"
    grid = pd.concat([frame, frame.assign(learning_rate=3.0)], ignore_index=True)
    found = Ledger({"made": grid}, keys).value("made", method="irm", learning_rate=3.0)
    assert found.about == "method irm, learning_rate 3"
