"""Tables come back as they were written, whatever their length."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench.presentation import gallery
from irm_bench.stages import aggregate, diagnose, draw, judge
from irm_bench.storage import archives, paged, part_files, tables
from irm_bench.storage.contracts import Contract, columns
from tests.unit.report_case import Case

CONTRACT = Contract(
    "made", "", columns(("name", "text", ""), ("x", "number", ""), ("n", "integer", ""))
)


ROWS = st.tuples(
    st.none() | st.text(alphabet='aσ ,"\n;0.1'),
    st.none() | st.floats(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)


@given(rows=st.lists(ROWS, max_size=8), keys=st.sets(st.sampled_from(CONTRACT.names)))
def test_a_table_is_written_as_pandas_writes_it(
    rows: list[tuple[str | None, float | None, int | None]],
    keys: set[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever is in it; of keys, which are turned into text once, a zero has no sign."""
    texts, numbers, integers = ([row[i] for row in rows] for i in range(3))
    kinds = {"name": "str", "x": "float64", "n": "Int64"}
    frame = pd.DataFrame(
        {
            "name": texts,
            "x": pd.Series(numbers, dtype=float),
            "n": pd.array(integers, dtype="Int64"),
        }
    ).astype(kinds)
    if "x" in keys:
        frame["x"] += 0.0
    path = tmp_path_factory.mktemp("written") / "made.csv"
    tables.write(path, frame, replace(CONTRACT, keys=tuple(sorted(keys))))
    assert path.read_bytes().decode() == frame.to_csv(index=False, lineterminator="\n")


def test_values_that_are_equal_but_have_other_texts_stay_apart(tmp_path: Path) -> None:
    texts = pd.Series([1, True, 1.0, "1", None], dtype=object)
    frame = pd.DataFrame({"name": texts, "x": 0.5, "n": 2})
    tables.write(tmp_path / "made.csv", frame, CONTRACT)
    found = tables.read(tmp_path / "made.csv", CONTRACT)
    assert found["name"].tolist() == ["1", "True", "1.0", "1", ""]


def test_a_header_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "made.csv"
    tables.write(path, pd.DataFrame({"name": ["a"], "x": 0.5, "n": 2}), CONTRACT)
    path.write_bytes(b"\xff\xfe\n")
    of_config, *_ = tables.seal_file(path).read_text().splitlines()
    tables.seal_file(path).write_text(f"{of_config}\n{archives.digest(path)}  made.csv\n")
    with pytest.raises(tables.TableError, match="cannot be read"):
        tables.open_rows(path, CONTRACT)


@pytest.mark.parametrize("n_rows", [0, 1, 8, 9, 20])
def test_a_table_of_any_number_of_chunks_comes_back(
    n_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paged, "PAGE_ROWS", 8)
    # Texts and missing integers that stand in some chunks alone.
    frame = pd.DataFrame(
        {
            "name": [f"σ={i // 5}" for i in range(n_rows)],
            "x": np.arange(n_rows) / 3,
            "n": pd.array([None if i > 8 else i for i in range(n_rows)], dtype="Int64"),
        }
    )
    tables.write(tmp_path / "made.csv", frame, CONTRACT)
    found = tables.read(tmp_path / "made.csv", CONTRACT)
    pd.testing.assert_frame_equal(found.astype({"name": str}), frame.astype({"name": str}))


def test_everything_is_the_same_bytes_however_little_is_held(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = case.render()
    monkeypatch.setattr(part_files, "MAX_ROWS", 90)
    monkeypatch.setattr(paged, "PAGE_ROWS", 60)
    run = case.tables.parent
    aggregate.run(case.config, sorted((run / "parts").iterdir()), tmp_path)
    diagnose.merge(case.config, sorted((run / "diagnosis").iterdir()), tmp_path)
    judge.run(case.config, tmp_path, tmp_path)
    written = sorted(path.name for path in tmp_path.glob("*.csv"))
    audited = set(tables.names(case.config, "audit"))
    assert set(written) == {f"{n}.csv" for n in tables.names(case.config) if n not in audited}
    for name in written:
        assert (tmp_path / name).read_bytes() == (case.tables / name).read_bytes(), name
    draw.run(case.config, gallery.shown(case.config), tmp_path, tmp_path / "figures")
    for path in (tmp_path / "figures").iterdir():
        assert path.read_bytes() == (case.figures / path.name).read_bytes(), path.name
    assert case.render() == page
