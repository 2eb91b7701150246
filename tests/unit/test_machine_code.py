"""Machine code that one process keeps for the next: found again, and never in another's place."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from irm_bench.engine import machine_code

# Compiles a function from the source that it is given, and tells its value and what was compiled.
CHILD = """
import sys
from numba.core import event
from irm_bench.engine.machine_code import kept
names = {"__name__": "__main__", "kept": kept}
exec(sys.argv[1], names)
with event.install_recorder("numba:compile") as recorder:
    value = names["function"](3.0)
print(value, len(recorder.buffer) // 2)
"""
FUNCTION = """
from irm_bench.engine.machine_code import compiled
FACTOR = {factor}
def inner(x):
    return x * FACTOR + {term}
def made(shift):
    called = compiled(inner)
    @kept
    def function(x):
        return called(x) - shift
    return function
function = made({shift})
"""


def run(folder: Path, name: str = "__main__", **numbers: float) -> tuple[float, int]:
    """The function's value at 3, and how many functions were compiled."""
    source = FUNCTION.format(**({"factor": 2.0, "term": 1.0, "shift": 0.5} | numbers))
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("__main__", name), source],
        env={"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    value, n_compiled = done.stdout.split()
    return float(value), int(n_compiled)


def test_the_next_process_compiles_nothing_and_another_function_is_another(tmp_path: Path) -> None:
    assert run(tmp_path) == (6.5, 2)
    assert run(tmp_path) == (6.5, 0)
    # A number that is looked up, one that stands in what is called, one that is closed over.
    assert run(tmp_path, factor=3.0) == (9.5, 2)
    assert run(tmp_path, term=2.0) == (7.5, 2)
    assert run(tmp_path, shift=1.0) == (6.0, 2)
    assert run(tmp_path) == (6.5, 0)
    assert len(list((tmp_path / "irm_bench").iterdir())) == 4


def test_what_is_not_whole_is_as_good_as_none(tmp_path: Path) -> None:
    run(tmp_path)
    (file,) = (tmp_path / "irm_bench").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert run(tmp_path) == (6.5, 2)
    assert run(tmp_path) == (6.5, 0)


def test_what_hangs_on_a_module_that_is_not_there_is_compiled_anew(tmp_path: Path) -> None:
    for _ in range(2):
        assert run(tmp_path, name="nowhere") == (6.5, 2)


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "irm_bench").write_text("no folder")
    assert run(tmp_path) == (6.5, 2)
    assert run(tmp_path) == (6.5, 2)


def of(source: str, **names: Any) -> FunctionType:
    exec(source, names)
    function = names["function"]
    assert isinstance(function, FunctionType)
    return function


PLAIN = "def function(x):\n    return np.sqrt(x) * A + 1\n"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (PLAIN, {"A": 2}),
        (PLAIN, {"A": 1.0}),
        (PLAIN, {"A": np.float32(1)}),
        (PLAIN, {"A": np.array([1.0])}),
        (PLAIN, {"A": (1, 1)}),
        (PLAIN.replace("sqrt", "exp"), {"A": 1}),
        (PLAIN.replace("+ 1", "+ 2"), {"A": 1}),
        (PLAIN.replace("*", "/"), {"A": 1}),
        (PLAIN.replace("(x):", "(x, y=1):"), {"A": 1}),
        ("def function(x):\n    return [np.sqrt(y) * A + 1 for y in x]\n", {"A": 1}),
    ],
)
def test_whatever_it_is_made_of_changes_its_fingerprint(source: str, names: dict[str, Any]) -> None:
    plain = machine_code.fingerprint(of(PLAIN, A=1, np=np))
    assert machine_code.fingerprint(of(source, np=np, **names)) != plain
    assert machine_code.fingerprint(of("\n\n" + PLAIN, A=1, np=np, unused=3)) == plain


def test_what_calls_itself_ends() -> None:
    source = "def function(x):\n    return function(x - 1) if x > A else B\n"
    first, second = (machine_code.fingerprint(of(source, A=1, B=b)) for b in (1, 2))
    assert first != second


@pytest.mark.parametrize("unknown", [object(), {"a": 1}, pytest])
def test_what_it_cannot_tell_is_not_kept(unknown: object) -> None:
    function: Callable[..., Any] = of("def function(x):\n    return x if A else 0\n", A=unknown)
    with pytest.raises(machine_code.UnknownMakingError, match="no kind"):
        machine_code.fingerprint(function)
