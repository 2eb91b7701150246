"""Functions compiled by numba, whose machine code the next process finds on the disk.

To compile a loop takes seconds, as much as it then takes to train a thousand models. numba keeps
machine code too (``cache=True``), but knows a function by its file's time: a loop here is put
together of kernels that plugins write, and of numbers that it is made for. So it is known by its
``fingerprint``: all that it and what it calls are made of, numba's version, and the processor.

The fingerprint is part of a function's name too. Within machine code a call goes by name, and all
loops have one name, with a number that numba counts up in each process: of two loops that come from
two processes, the first would be called in place of the second.
"""

import dis
import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

# What a function uses of these hangs on their versions alone, which are part of a file's name.
LIBRARIES = ("builtins", "math", "typing", "numpy", "numba", "llvmlite")

# Seconds. A loop is compiled in less, on a machine with more to do too.
LONGEST_TURN = 120

# Of files whose functions are named otherwise none must be taken.
NAMING = "by fingerprint"


class NoFingerprintError(TypeError):
    """A function that hangs on what a fingerprint cannot tell."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function for compiled ones to call, compiled for the types that they call it with.

    Products and sums are rounded one by one: neither fused nor reordered. From Python a call raises
    TypeError: what it would go through takes a seventh of the time to compile. ``kept`` has it.
    """
    dispatcher = _dispatcher(function, no_cpython_wrapper=True)
    dispatcher._compile_for_args = _refuse
    dispatcher._insert = _keep_out  # else numba finds the next call's way by itself, into nowhere
    return dispatcher  # type: ignore[no-any-return]


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function for Python to call; what is compiled is kept on the disk, with all it calls."""
    dispatcher = _dispatcher(function)
    folder, made_of = _folder(), _fingerprint_if_told(function)
    if folder and made_of:
        dispatcher._cache = _kept_code()(folder, made_of)
    return dispatcher  # type: ignore[no-any-return]


def _dispatcher(function: Callable[..., Any], **options: Any) -> Any:
    from numba import njit  # half a second, which other routes need not spend

    made_of = _fingerprint_if_told(function)
    if made_of and made_of not in function.__qualname__:
        function.__qualname__ += f".{made_of}"
    options |= {"error_model": "numpy", "no_cfunc_wrapper": True}
    return njit(**options)(function)


def _refuse(*arguments: Any, **named: Any) -> None:
    raise TypeError("a function for compiled ones to call; what Python calls is `kept`")


def _keep_out(*overload: Any) -> None:
    pass


def _fingerprint_if_told(function: Callable[..., Any]) -> str | None:
    with suppress(NoFingerprintError):
        return fingerprint(function)
    return None


def fingerprint(function: Callable[..., Any]) -> str:
    """What a function is made of, itself and all that it calls, in 64 letters.

    Raises:
        NoFingerprintError: if it uses an object whose making cannot be told.
    """
    digest = hashlib.sha256()
    for piece in _pieces(function, {}):
        digest.update(piece.encode() + b"\0")
    return digest.hexdigest()


def _pieces(thing: Any, seen: dict[int, int]) -> Iterator[str]:
    """What a function or a value that it uses is made of, piece by piece."""
    if hasattr(thing, "py_func"):  # a compiled function
        yield repr(sorted(thing.targetoptions.items()))
        thing = thing.py_func
    thing = getattr(thing, "_defn", thing)  # of one that writes instructions of the processor
    if isinstance(thing, FunctionType):
        if id(thing) in seen:
            yield f"the {seen[id(thing)]}. function again"
        else:
            seen[id(thing)] = len(seen)
            yield from _pieces_of_function(thing, seen)
    elif isinstance(thing, tuple):
        yield f"{len(thing)} of"
        for part in thing:
            yield from _pieces(part, seen)
    elif isinstance(thing, np.ndarray | np.generic):
        yield f"{thing.dtype} {thing.shape} {thing.tobytes().hex()}"
    elif isinstance(thing, bool | int | float | str | bytes | None):
        yield repr(thing)
    elif isinstance(thing, type | BuiltinFunctionType) and _is_of_library(thing.__module__):
        yield f"{thing.__module__}.{thing.__qualname__}"
    elif isinstance(thing, ModuleType) and _is_of_library(thing.__name__):
        yield thing.__name__
    else:
        raise NoFingerprintError(f"{thing!r} is of no kind that a fingerprint knows")


def _is_of_library(module: str | None) -> bool:
    return str(module).split(".")[0] in LIBRARIES


def _pieces_of_function(function: FunctionType, seen: dict[int, int]) -> Iterator[str]:
    code = function.__code__
    yield from _pieces_of_code(code, seen)
    yield from _pieces(function.__defaults__, seen)
    yield from _pieces(tuple((function.__kwdefaults__ or {}).items()), seen)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        yield name
        yield from _pieces(cell.cell_contents, seen)
    for name in sorted(_global_names(code)):
        if name in function.__globals__:
            yield name
            yield from _pieces(function.__globals__[name], seen)


def _pieces_of_code(code: CodeType, seen: dict[int, int]) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names + code.co_varnames + code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _pieces_of_code(constant, seen)
        else:
            yield from _pieces(constant, seen)


def _global_names(code: CodeType) -> set[str]:
    """Names that code looks up outside of itself, what is defined in it included."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names.union(*map(_global_names, inner))


def _folder() -> Path | None:
    """Where machine code is kept: numba's own setting, else the user's folder for such things.

    None where that is not the user's own: what others could write there would be run.
    """
    folder = _place()
    with suppress(OSError):
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.stat()
            is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
            return folder if is_own and not status.st_mode & 0o022 else None
    return None


def _place() -> Path | None:
    of_numba = os.environ.get("NUMBA_CACHE_DIR")
    if of_numba:
        return Path(of_numba) / "irm_bench"
    of_user = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # a user without a home
        return Path(of_user or Path.home() / ".cache") / "irm_bench"
    return None


def _read(path: Path) -> bytes | None:
    """The machine code in a file that begins with its hash; None if it is not whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    is_whole = hashlib.sha256(content[32:]).digest() == content[:32]
    return content[32:] if is_whole else None


def _write(path: Path, code: bytes) -> None:
    """Write such a file, or none where it cannot be written."""
    with suppress(OSError), tempfile.TemporaryDirectory(dir=path.parent) as beside:
        # Under a name of its own first: others may write the same.
        whole = Path(beside) / path.name
        whole.write_bytes(hashlib.sha256(code).digest() + code)
        os.replace(whole, path)


def _wait_for_turn(path: Path) -> Any:
    """Wait while another process compiles for the same file: jobs that start together need the
    same loops. None if that takes too long, or where files cannot be locked."""
    from filelock import FileLock  # needed by the few processes that compile

    turn = FileLock(f"{path}.lock")
    try:
        turn.acquire(timeout=LONGEST_TURN)
    except (OSError, NotImplementedError):  # a timeout is an OSError
        return None
    return turn


@cache
def _kept_code() -> Any:
    """A class that numba asks for machine code before it compiles, and gives what it compiled."""
    import llvmlite
    import numba
    from numba.core.caching import NullCache
    from numba.core.compiler import CompileResult
    from numba.core.runtime import rtsys
    from numba.core.serialize import dumps

    versions = f"{NAMING} {numba.__version__} {llvmlite.__version__} {np.__version__} {sys.version}"

    class KeptCode(NullCache):  # type: ignore[misc]
        """Of a function: a file for each of the types that it is compiled for.

        A file begins with the hash of the rest. One that cannot be read, or is not whole, is as
        good as none, and one that cannot be written is left.
        """

        def __init__(self, folder: Path, made_of: str):
            self._folder, self._made_of = folder, made_of
            self._turn: Any = None

        @property
        def cache_path(self) -> str:
            return str(self._folder)

        def load_overload(self, signature: Any, target_context: Any) -> Any:
            # All that machine code needs of numba. To compile, numba loads its implementations of
            # Python's and numpy's functions too, which takes half a second.
            rtsys.initialize(target_context)
            path = self._path(signature, target_context.codegen())
            found = self._rebuilt(path, target_context)
            if found is None:
                self._turn = _wait_for_turn(path)
                found = self._rebuilt(path, target_context)  # of who had it before
            if found is not None:
                self._end_turn()
            return found

        def _rebuilt(self, path: Path, target_context: Any) -> Any:
            code = _read(path)
            if code is None:
                return None
            try:
                return CompileResult._rebuild(target_context, *pickle.loads(code))
            except (ImportError, AttributeError):  # of a module that is not to be found here
                return None

        def save_overload(self, signature: Any, result: Any) -> None:
            # What has lifted loops or dynamic globals holds addresses.
            if not (result.lifted or result.library.has_dynamic_globals):
                _write(self._path(signature, result.codegen), dumps(result._reduce()))
            self._end_turn()

        def _end_turn(self) -> None:
            if self._turn is not None:
                with suppress(OSError):
                    os.unlink(self._turn.lock_file)
                self._turn.release()
                self._turn = None

        def _path(self, signature: Any, codegen: Any) -> Path:
            made_for = f"{versions} {codegen.magic_tuple()} {signature} {self._made_of}"
            return self._folder / f"{hashlib.sha256(made_for.encode()).hexdigest()}.machine_code"

    return KeptCode
