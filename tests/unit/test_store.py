"""Stage files are whole, say what they are, and are refused otherwise."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench import store
from irm_bench.store import StageError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "moments.npz"
    store.write_arrays(path, "simulate", "abc", {"0/gram": np.arange(2000.0)})
    return path


def test_what_was_written_is_read(written: Path) -> None:
    found = store.read_arrays(written, "simulate", "abc")
    assert list(found) == ["0/gram"]
    assert np.array_equal(found["0/gram"], np.arange(2000.0))


@pytest.mark.parametrize(
    ("stage", "config_hash", "word"),
    [("train", "abc", "stage"), ("simulate", "other", "config")],
)
def test_a_file_of_another_stage_or_config_is_refused(
    written: Path, stage: str, config_hash: str, word: str
) -> None:
    with pytest.raises(StageError, match=rf"moments\.npz has {word}.*delete it and run again"):
        store.read_arrays(written, stage, config_hash)


def test_another_schema_version_is_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SCHEMA_VERSION", store.SCHEMA_VERSION + 1)
    with pytest.raises(StageError, match="schema"):
        store.read_arrays(written, "simulate", "abc")


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_named(written: Path, fraction: float) -> None:
    data = written.read_bytes()
    written.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(StageError, match=r"moments\.npz is damaged.*delete it and run again"):
        store.read_arrays(written, "simulate", "abc")


def test_any_flipped_bit_of_the_data_is_found(written: Path) -> None:
    data = bytearray(written.read_bytes())
    for position in range(len(data) // 4, len(data) // 2, 997):
        flipped = bytearray(data)
        flipped[position] ^= 1
        written.write_bytes(bytes(flipped))
        with pytest.raises(StageError, match="damaged"):
            store.read_arrays(written, "simulate", "abc")


def test_pickles_are_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    with pytest.raises(ValueError, match=r"(?i)object|pickle"):
        store.write_arrays(path, "s", "c", {"a": np.array([object()])})
    assert not list(tmp_path.iterdir())
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(StageError, match="damaged"):
        store.read_arrays(path, "s", "c")


def test_a_failed_write_leaves_the_old_file_and_no_other(written: Path) -> None:
    before = written.read_bytes()

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.write_atomically(written, fail)
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_tables_keep_texts_and_missing_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["a", "", "σ=1"], "x": [1.0, np.nan, 3.0]})
    path = tmp_path / "t.npz"
    store.write_frame(path, "evaluate", "c", frame)
    found = store.read_frame(path, "evaluate", "c")
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        store.write_arrays(tmp_path / f"{name}.npz", "s", "c", {"x": np.arange(3)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
