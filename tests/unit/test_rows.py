"""Tables that need not fit in memory are looked up as if they did."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench.storage import paged, tables
from irm_bench.storage.contracts import Contract, columns
from irm_bench.storage.paged import Rows

KEYS = ("study", "size", "weight")
CONTRACT = Contract(
    "made",
    "",
    columns(
        ("study", "text", ""),
        ("size", "integer", ""),
        ("seed", "integer", ""),
        ("weight", "number", ""),
        ("value", "number", ""),
    ),
    KEYS,
)
N_SEEDS = 7


def made() -> pd.DataFrame:
    """Seven seeds of every combination of keys, one of which is a missing number."""
    parts = [
        pd.DataFrame({"study": s, "size": n, "seed": np.arange(N_SEEDS), "weight": w})
        for s in ("σ", "b, with a comma")
        for n in (10, 20)
        for w in (0.1, np.nan, 1e-5)
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(value=np.arange(len(frame)) / 3)


@pytest.fixture(params=[1, 3, 7, 14, 42, 83, 84, 1000])
def table(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """The table in a file, for pages of many sizes: 84 rows are a whole number of some of them."""
    monkeypatch.setattr(paged, "PAGE_ROWS", request.param)
    tables.write(tmp_path / "made.csv", made(), CONTRACT)
    return tables.open_rows(tmp_path / "made.csv", CONTRACT)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = {"study": str, "size": "int64", "seed": "int64"}
    return frame.astype(kinds).reset_index(drop=True)


def test_rows_are_found_by_their_keys(table: Rows) -> None:
    frame = made()
    assert len(table) == len(frame)
    pd.testing.assert_frame_equal(plain(table.find()), plain(frame))
    here = frame[(frame["study"] == "σ") & (frame["size"] == 20)]
    pd.testing.assert_frame_equal(plain(table.find(study="σ", size=20)), plain(here))
    for weight in (0.1, 1e-5):
        chosen = here[here["weight"] == weight]
        found = table.find(study="σ", weight=weight, size=20)
        pd.testing.assert_frame_equal(plain(found), plain(chosen))
    missing = table.find(study="σ", size=20, weight=float("nan"))
    pd.testing.assert_frame_equal(plain(missing), plain(here[here["weight"].isna()]))


def test_what_is_not_there_is_empty(table: Rows) -> None:
    for where in ({"study": "other"}, {"size": 30}, {"weight": 0.2}):
        found = table.find(**where)
        assert found.empty
        assert list(found) == CONTRACT.names


def test_an_unknown_key_is_an_error(table: Rows) -> None:
    with pytest.raises(KeyError, match="value"):
        table.find(value=1.0)


def test_batches_hold_whole_groups_and_every_row_once(table: Rows) -> None:
    found = list(table.batches(["size", "study"], table.select(weight=0.1)))
    for batch in found:
        assert set(batch.groupby(["size", "study"], observed=True).size()) == {N_SEEDS}
        assert len(batch) < paged.PAGE_ROWS + N_SEEDS
    frame = made()
    pd.testing.assert_frame_equal(plain(pd.concat(found)), plain(frame[frame["weight"] == 0.1]))


def test_only_a_few_pages_are_held() -> None:
    frame, read = made(), []

    def page(number: int) -> pd.DataFrame:
        read.append(number)
        return frame.iloc[number * N_SEEDS : (number + 1) * N_SEEDS]

    table = Rows(KEYS, page, 12, len(frame))
    assert len(table) == len(frame)
    assert not read
    assert len(table.pieces) == read.pop() + 1 == 12
    read.clear()
    for number in (11, 0, 1, 0, 1, 5, 6, 7, 0):  # 11 is held since the pieces were made
        first = frame.iloc[number * N_SEEDS]
        table.find(**{key: first[key] for key in KEYS})
    assert read == [0, 1, 5, 6, 7, 0]


def test_an_empty_table_is_opened(tmp_path: Path) -> None:
    tables.write(tmp_path / "made.csv", made().iloc[:0], CONTRACT)
    table = tables.open_rows(tmp_path / "made.csv", CONTRACT)
    assert len(table) == 0
    assert table.find(study="σ").empty
    (batch,) = table.batches(["study"], table.select(study="σ"))
    assert batch.empty
    assert list(batch) == CONTRACT.names


def test_other_columns_are_refused_before_any_row_is_read(tmp_path: Path) -> None:
    path = tmp_path / "made.csv"
    narrow = tuple(column for column in CONTRACT.columns if column.name != "weight")
    of_others = replace(CONTRACT, columns=narrow, keys=("study", "size"))
    tables.write(path, made().drop(columns="weight"), of_others)
    with pytest.raises(tables.TableError, match="weight"):
        tables.open_rows(path, CONTRACT)
    with pytest.raises(tables.TableError, match="cannot be read"):
        tables.open_rows(tmp_path / "none.csv", CONTRACT)


def test_a_damaged_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "PAGE_ROWS", 10)
    path = tmp_path / "made.csv"
    tables.write(path, made(), CONTRACT)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(tables.TableError, match="is not as it was written"):
        tables.open_rows(path, CONTRACT)
