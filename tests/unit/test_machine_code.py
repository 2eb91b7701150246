"""Machine code that one process keeps for the next: found again, and never in another's place."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from irm_bench import machine_code
from irm_bench.engine import compiled as loops
from irm_bench.engine import lookup, normals
from irm_bench.engine.compiled_draws import DrawsByLaw, DrawsOfRows, NoDraws
from irm_bench.plugins.methods import irm
from irm_bench.plugins.optimisers import adam
from irm_bench.plugins.penalties import plug_in, split_half
from irm_bench.theory import flow_loops

# Compiles a function twice as one that is kept, and tells its values and how many were compiled.
CHILD = """
from irm_bench.machine_code import compiled, kept
from numba.core import event

def half(x):
    return x * 0.5

def function(x):
    return called(x) - 1.0

called = compiled(half)
with event.install_recorder("numba:compile") as recorder:
    values = [kept(function)(3.0) for _ in range(2)]
print(*values, len(recorder.buffer) // 2)
"""


def run(folder: Path, name: str = "__main__") -> list[float]:
    """The function's values at 3, and how many functions were compiled."""
    done = subprocess.run(
        [sys.executable, "-c", f"exec({CHILD!r}, {{'__name__': {name!r}}})"],
        env={"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def test_what_was_compiled_is_found_by_this_process_and_the_next(tmp_path: Path) -> None:
    """A function and what it calls are compiled once, if the file that holds them is whole."""
    assert run(tmp_path) == [0.5, 0.5, 2]
    assert run(tmp_path) == [0.5, 0.5, 0]
    (file,) = (tmp_path / "irm_bench").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert run(tmp_path) == [0.5, 0.5, 2]


def test_of_processes_that_need_the_same_one_compiles_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(run, [tmp_path] * 3))
    assert all(values == [0.5, 0.5] for *values, _ in found)
    assert sum(n_compiled for *_, n_compiled in found) == 2
    (file,) = (tmp_path / "irm_bench").iterdir()  # and nothing else is left there
    assert file.suffix == ".machine_code"


# Calls what numba itself brings: of the mathematical library, of its random numbers, for arrays.
HELPED = """
import numpy as np
from irm_bench.machine_code import kept

def function(x):
    np.random.seed(0)
    return np.tanh(np.random.normal(0.0, x)) + np.exp(np.full(3, x)).sum()

print(kept(function)(3.0), function(3.0))
"""


def test_what_was_compiled_finds_what_numba_brings(tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", HELPED],
            env={"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
        )
        found, expected = map(float, done.stdout.split())
        assert found == pytest.approx(expected, rel=1e-14), done.stderr


# Functions of one name, each with a constant of its own; the one that is called has to stay a call.
NAMESAKES = """
import sys
from irm_bench.machine_code import compiled, kept

def of(constant):
    def countdown(x):
        return constant if x < 1 else countdown(x - 1) * 1.0
    countdown = compiled(countdown)

    def function(x):
        return countdown(x) + constant
    return kept(function)

print(*[of(float(word))(3.0) for word in sys.argv[1:]])
"""


def test_functions_of_one_name_from_two_processes_are_not_taken_for_each_other(
    tmp_path: Path,
) -> None:
    for constants in (["1"], ["10"], ["1", "10", "100"], ["100", "10", "1"]):
        done = subprocess.run(
            [sys.executable, "-c", NAMESAKES, *constants],
            env={"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
        )
        assert done.stdout.split() == [f"{2 * float(word)}" for word in constants], done.stderr


def test_python_calls_what_is_kept_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one refuses, before and after it is compiled for its caller."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    called = machine_code.compiled(of("def function(x):\n    return x * 2.0\n"))
    caller = machine_code.kept(of("def function(x):\n    return called(x) + 1.0\n", called=called))
    with pytest.raises(TypeError, match="for compiled ones to call"):
        called(3.0)
    assert caller(3.0) == 7.0
    with pytest.raises(TypeError, match="for compiled ones to call"):
        called(3.0)


def test_what_hangs_on_a_module_that_is_not_there_is_compiled_anew(tmp_path: Path) -> None:
    for _ in range(2):
        assert run(tmp_path, name="nowhere") == [0.5, 0.5, 2]


def test_a_folder_that_others_could_write_to_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "irm_bench"
    folder.mkdir()
    folder.chmod(0o777)
    assert run(tmp_path) == [0.5, 0.5, 3]
    assert not list(folder.iterdir())


def test_a_place_that_is_no_folder_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "irm_bench").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert machine_code._folder() is None


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
        (PLAIN.replace("(x):", "(x, *, y=1):"), {"A": 1}),
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


@pytest.mark.parametrize("unknown", [object(), {"a": 1}, pytest, Path])
def test_what_it_cannot_tell_is_not_kept(unknown: object) -> None:
    function: Callable[..., Any] = of("def function(x):\n    return x if A else 0\n", A=unknown)
    with pytest.raises(machine_code.NoFingerprintError, match="no kind"):
        machine_code.fingerprint(function)


@pytest.mark.parametrize(
    "make",
    [
        lambda: lookup._compiled().add_up,
        normals._write,
        flow_loops.follow,
        flow_loops.descend,
        lambda: loops._loop(irm, plug_in, adam, NoDraws, 3, 8),
        lambda: loops._loop(irm, split_half, adam, DrawsByLaw, 3, 8),
        lambda: loops._loop(irm, split_half, adam, DrawsOfRows, 3, 8),
    ],
)
def test_the_loops_that_every_run_needs_are_kept(make: Callable[[], Callable[..., Any]]) -> None:
    assert machine_code.fingerprint(make())
