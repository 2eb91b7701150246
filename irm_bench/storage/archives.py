"""Files between stages: npz archives that say what they are, written whole or not at all.

The SHA-256 of an archive stands at its end, where readers of archives do not look: the checksums
inside leave out names, sizes and the list of what there is.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

SCHEMA_VERSION = 3


class StageError(RuntimeError):
    """A file of the results that cannot be used or written: names it and what to do."""


def _refuse(path: Path, why: str) -> StageError:
    return StageError(f"{path} {why}; delete it and run again to rebuild it")


def write_atomically(path: Path | str, write: Callable[[Path], object]) -> None:
    """Call ``write`` with a temporary name beside ``path`` and rename the result to it.

    Whoever dies in between leaves the old file whole, and a temporary one that the next writer of
    the same path takes away.

    Raises:
        StageError: disk full, folder not writable and the like.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{path.name}.{'?' * 8}{path.suffix}"):
            stale.unlink(missing_ok=True)
        _replace(path, write)
    except OSError as error:
        reason = error.strerror or error
        raise StageError(f"{path} cannot be written ({reason}); mend that and run again") from error


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    try:
        write(Path(name))
        os.fsync(handle)  # a rename that survives a power cut must not be of an empty file
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def write_text(path: Path | str, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_arrays(
    path: Path | str, stage: str, config_hash: str, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write arrays under their names, with stage, schema version and config hash beside."""
    header = json.dumps(_stamp(stage, config_hash), sort_keys=True)
    stamped = {"header": np.array(header), **arrays}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **stamped)
        seal = bytes.fromhex(digest(temporary))
        with temporary.open("ab") as file:
            file.write(seal)

    write_atomically(path, write)


def read_arrays(path: Path | str, stage: str, config_hash: str) -> dict[str, np.ndarray]:
    """Read what ``write_arrays`` wrote.

    Raises:
        StageError: if the file is damaged, of another stage or version, or of another config.
    """
    path = Path(path)
    try:
        _check_seal(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(str(arrays.pop("header")))
    except Exception as error:  # a flipped bit can make zipfile and numpy raise almost anything
        raise _refuse(path, f"is damaged or not a stage file ({_reason(path, error)})") from error
    for key, value in _stamp(stage, config_hash).items():
        if header.get(key) != value:
            raise _refuse(path, f"has {key} {header.get(key)!r} where {value!r} is needed")
    return arrays


def _check_seal(path: Path) -> None:
    """Compare the last bytes of a file with the SHA-256 of all before."""
    found = hashlib.sha256()
    left = path.stat().st_size - found.digest_size
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(left, 2**20))):
            found.update(chunk)
            left -= len(chunk)
        if file.read() != found.digest():
            raise ValueError("its checksum differs")


def digest(path: Path | str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _stamp(stage: str, config_hash: str) -> dict[str, object]:
    return {"stage": stage, "schema": SCHEMA_VERSION, "config": config_hash}


def _reason(path: Path, error: Exception) -> str:
    # numpy takes what is no archive for a pickle, and tells how to load that
    return "not an archive" if path.exists() and not zipfile.is_zipfile(path) else f"{error}"
