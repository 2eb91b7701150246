"""Files between stages: npz archives that say what they are, written whole or not at all."""

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

SCHEMA_VERSION = 1


class StageError(RuntimeError):
    """A file of an earlier stage that cannot be used: names it and how to rebuild it."""


def _refuse(path: Path, why: str) -> StageError:
    return StageError(f"{path} {why}; delete it and run again to rebuild it")


def write_atomically(path: Path | str, write: Callable[[Path], object]) -> None:
    """Call ``write`` with a temporary name beside ``path`` and rename the result to it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_text(path: Path | str, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_arrays(
    path: Path | str, stage: str, config_hash: str, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write arrays under their names, with stage, schema version and config hash beside them."""
    header = {"stage": stage, "schema": SCHEMA_VERSION, "config": config_hash}
    stamped = {"header": np.array(json.dumps(header, sort_keys=True)), **arrays}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **stamped)

    write_atomically(path, write)


def read_arrays(path: Path | str, stage: str, config_hash: str) -> dict[str, np.ndarray]:
    """Read what ``write_arrays`` wrote.

    Raises:
        StageError: if the file is damaged, of another stage or version, or of another config.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(str(arrays.pop("header")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _refuse(path, f"is damaged or not a stage file ({error})") from error
    wanted = {"stage": stage, "schema": SCHEMA_VERSION, "config": config_hash}
    for key, value in wanted.items():
        if header.get(key) != value:
            raise _refuse(path, f"has {key} {header.get(key)!r} where {value!r} is needed")
    return arrays


def write_frame(path: Path | str, stage: str, config_hash: str, frame: pd.DataFrame) -> None:
    """Write a table, a column an array; texts as fixed-width strings, never pickled."""
    arrays = {str(name): _as_array(column) for name, column in frame.items()}
    write_arrays(path, stage, config_hash, arrays)


def read_frame(path: Path | str, stage: str, config_hash: str) -> pd.DataFrame:
    return pd.DataFrame(read_arrays(path, stage, config_hash))


def _as_array(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()
    return column.to_numpy(dtype=str)
