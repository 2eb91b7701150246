"""Stage files are whole, say what they are, and are refused otherwise."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from irm_bench.storage import archives, part_files
from irm_bench.storage.archives import StageError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "moments.npz"
    archives.write_arrays(path, "simulate", "abc", {"0/gram": np.arange(2000.0)})
    return path


def test_what_was_written_is_read(written: Path) -> None:
    found = archives.read_arrays(written, "simulate", "abc")
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
        archives.read_arrays(written, stage, config_hash)


def test_another_schema_version_is_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SCHEMA_VERSION", archives.SCHEMA_VERSION + 1)
    with pytest.raises(StageError, match="schema"):
        archives.read_arrays(written, "simulate", "abc")


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_named(written: Path, fraction: float) -> None:
    data = written.read_bytes()
    written.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(StageError, match=r"moments\.npz is damaged.*delete it and run again"):
        archives.read_arrays(written, "simulate", "abc")


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "moments.npz"
    arrays = {"0/gram": np.arange(20.0), "1/seeds": np.arange(3)}
    archives.write_arrays(path, "simulate", "abc", arrays)
    data = path.read_bytes()
    for position in range(0, 8 * len(data), 11):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(bytes(flipped))
        with pytest.raises(StageError, match=r"moments\.npz is damaged"):
            archives.read_arrays(path, "simulate", "abc")


def test_pickles_are_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    with pytest.raises(ValueError, match=r"(?i)object|pickle"):
        archives.write_arrays(path, "s", "c", {"a": np.array([object()])})
    assert not list(tmp_path.iterdir())
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(StageError, match="damaged"):
        archives.read_arrays(path, "s", "c")


def test_a_failed_write_leaves_the_old_file_and_no_other(written: Path) -> None:
    before = written.read_bytes()

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(StageError, match=r"moments\.npz cannot be written \(disk full\)"):
        archives.write_atomically(written, fail)
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_what_a_killed_writer_left_is_taken_away(written: Path) -> None:
    (written.parent / ".moments.npz.abcd_123.npz").write_text("half")
    (written.parent / ".moments.npz.notes.npz").write_text("of somebody else")
    archives.write_arrays(written, "simulate", "abc", {"x": np.arange(3)})
    names = {path.name for path in written.parent.iterdir()}
    assert names == {"moments.npz", ".moments.npz.notes.npz"}


def test_tables_keep_texts_and_missing_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["a", "", "σ=1"], "x": [1.0, np.nan, 3.0]})
    path = tmp_path / "t.npz"
    part_files.write(path, "evaluate", "c", frame)
    found = part_files.read(path, "evaluate", "c")
    assert isinstance(found["name"].dtype, pd.CategoricalDtype)
    pd.testing.assert_frame_equal(found.astype({"name": str}), frame)


def test_tables_of_other_texts_are_joined(tmp_path: Path) -> None:
    parts = [
        pd.DataFrame({"name": ["b", "a"], "n": [1, 2], "x": [0.5, 1.5]}),
        pd.DataFrame({"name": ["c"], "n": [-70_000]}),
    ]
    found = []
    for i, frame in enumerate(parts):
        part_files.write(tmp_path / f"{i}.npz", "evaluate", "c", frame)
        found.append(part_files.read(tmp_path / f"{i}.npz", "evaluate", "c"))
    whole = part_files.concat(found)
    assert list(whole["name"].cat.categories) == ["a", "b", "c"]
    wanted = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(whole.astype({"name": str}), wanted, check_dtype=False)


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        archives.write_arrays(tmp_path / f"{name}.npz", "s", "c", {"x": np.arange(3)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
