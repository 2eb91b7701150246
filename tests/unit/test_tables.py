"""Tables come back as they were written, whatever their length."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench import tables
from irm_bench.contract import Contract, columns

CONTRACT = Contract(
    "made", "", columns(("name", "text", ""), ("x", "number", ""), ("n", "integer", ""))
)


@pytest.mark.parametrize("n_rows", [0, 1, 8, 9, 20])
def test_a_table_of_any_number_of_chunks_comes_back(
    n_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 8)
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
