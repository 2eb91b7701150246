"""Every fault is injected: nothing is lost, something clear is said, and the next run mends it."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from irm_bench import config
from irm_bench.plugins.registry import UnknownPluginError, find_book
from irm_bench.stages import aggregate
from irm_bench.storage import archives, handover, tables
from irm_bench.storage.archives import StageError
from irm_bench.storage.tables import TableError
from tests.workflow import tiny, warm
from tests.workflow.conftest import ROOT
from tests.workflow.tiny import TABLES

BOOK = find_book("notebook")

Done = subprocess.CompletedProcess[str]


def succeed(project: Path, *arguments: str, prefix: Sequence[str] = ()) -> None:
    done = tiny.run(project, *arguments, prefix=prefix)
    assert done.returncode == 0, done.stderr[-3000:]


def failure(project: Path, *arguments: str, prefix: Sequence[str] = ()) -> str:
    """What a run says that must fail, with no traceback of Python."""
    failed = tiny.run(project, *arguments, prefix=prefix)
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    return failed.stderr


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project whose first stages are done; tests that change it take a copy."""
    project = tiny.create(tmp_path_factory.mktemp("done"))
    succeed(project, TABLES)
    return project


@pytest.fixture
def project(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "project", symlinks=True))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A tiny project that has not run."""
    return tiny.create(tmp_path / "fresh")


def models(project: Path) -> bytes:
    return (project / TABLES).read_bytes()


def test_killed_snakemake_second_run_and_resumption(fresh: Path, done: Path) -> None:
    """One story: a run is under way, a second one is refused, the first is killed with -9; the
    next is told of the lock, and goes on where the first was once that is taken away."""
    tiny.stall_writing(fresh, "trained/quick/0.npz")
    with tiny.running(fresh, tiny.command(TABLES)) as first:
        tiny.wait_for(lambda: tiny.stalled(fresh))
        assert "cannot be locked" in failure(fresh, TABLES)
        first.send_signal(signal.SIGKILL)
        first.wait()
        message = failure(fresh, TABLES)
        assert "cannot be locked" in message
        assert "--unlock" in message
        moments = (fresh / "results/notebook/moments/0.npz").stat().st_mtime_ns
        tiny.go(fresh)  # the killed run's job, still there, ends too
        succeed(fresh, "--unlock")
        succeed(fresh, TABLES)
    assert (fresh / "results/notebook/moments/0.npz").stat().st_mtime_ns == moments
    assert models(fresh) == models(done)
    assert not tiny.temporaries(fresh)


def test_a_worker_killed_in_the_middle_of_writing(fresh: Path, done: Path) -> None:
    tiny.stall_writing(fresh, "trained/quick/0.npz")
    with tiny.running(fresh, tiny.command(TABLES)) as process:
        tiny.wait_for(lambda: tiny.stalled(fresh))
        os.kill(*tiny.stalled(fresh), signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "died with <Signals.SIGKILL: 9>" in said or "train" in said
    assert not (fresh / "results/notebook/trained/quick/0.npz").exists()
    assert len(tiny.temporaries(fresh)) == 1
    tiny.go(fresh)
    succeed(fresh, TABLES)
    assert models(fresh) == models(done)
    assert not tiny.temporaries(fresh)


def test_a_full_disk_is_named_and_room_is_all_it_needs(fresh: Path, done: Path) -> None:
    results = fresh / "results"
    try:
        with tiny.mounted(results, "size=96k"):
            message = failure(fresh, TABLES)
            assert re.search(r"results/\S+ cannot be written \(No space left on device\)", message)
            assert not tiny.temporaries(fresh)
            subprocess.run(["mount", "-o", "remount,size=64m", str(results)], check=True)
            succeed(fresh, TABLES)
            assert models(fresh) == models(done)
    except PermissionError as error:
        pytest.skip(str(error))


def without_override() -> list[str]:
    """The prefix of a command that has to heed the permissions of files, as root does not."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("run as root, who may write everywhere, and no setpriv to take that away")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


def test_a_folder_that_cannot_be_written_is_named(fresh: Path) -> None:
    (fresh / "results").mkdir(mode=0o555)
    message = failure(fresh, prefix=without_override())
    # whichever of the two jobs that wait for nothing is started first
    assert re.search(r"Permission denied: 'results/notebook'", message)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def parsed(project: Path, **changes: object) -> config.Config:
    return config.parse(tiny.raw(project) | changes)


FILES = ("moments/0.npz", "trained/quick/0.npz", "parts/0/models.npz", "tables/summary.csv")


def read(project: Path, found: config.Config, name: str) -> None:
    """Read a file of the results as the stage after it does."""
    path = project / "results/notebook" / name
    match name.split("/")[0]:
        case "moments":
            handover.MomentStore(found, path)
        case "trained":
            handover.TrainedStore(found, [path])
        case "parts":
            aggregate.run(found, [path.parent], project / "again")
        case _:
            tables.read(path, tables.contracts(found)[path.stem])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [flip, cut])
def test_a_damaged_file_is_named(done: Path, name: str, damage: Callable[[Path], None]) -> None:
    path = done / "results/notebook" / name
    whole = path.read_bytes()
    read(done, parsed(done), name)
    damage(path)
    try:
        with pytest.raises((StageError, TableError), match=f"{name} .*; delete it and run again"):
            read(done, parsed(done), name)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_config_is_named(done: Path, name: str) -> None:
    with pytest.raises((StageError, TableError), match=f"{name} .* config .* is needed"):
        read(done, parsed(done, root_seed=7), name)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_file_of_another_version_is_named(
    done: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = archives.SCHEMA_VERSION
    monkeypatch.setattr(archives, "SCHEMA_VERSION", now + 1)
    with pytest.raises(StageError, match=f"{name} has schema {now} where {now + 1} is needed"):
        read(done, parsed(done), name)


def test_damage_stops_the_run_and_deletion_mends_it(project: Path, done: Path) -> None:
    results = project / "results/notebook"
    shutil.rmtree(results / "trained/quick")
    flip(results / "moments/0.npz")
    message = failure(project, TABLES)
    assert (
        "error in train group=quick shard=0: results/notebook/moments/0.npz is damaged" in message
    )
    (results / "moments/0.npz").unlink()
    succeed(project, TABLES)
    assert models(project) == models(done)


def test_other_shards_in_the_same_folder_use_nothing_of_the_former(
    project: Path, done: Path
) -> None:
    # told to look at times alone, Snakemake sees no difference; the files do
    shutil.rmtree(project / "results/notebook/tables")
    two = ("--config", "shards=2")
    message = failure(project, TABLES, *two, "--rerun-triggers", "mtime")
    assert re.search(
        r"results/notebook/parts/0/\w+\.npz has config '\w+' where '\w+' is needed", message
    )
    succeed(project, TABLES, *two)
    assert models(project) == models(done)


def raise_in(project: Path, name: str, function: str, condition: str = "True") -> None:
    """Make a plugin raise at the start of a function."""
    path = project / "irm_bench/plugins" / name
    text = path.read_text(encoding="utf-8")
    head = re.search(rf"^def {function}\(.*?\)[^)]*:\n", text, flags=re.MULTILINE | re.DOTALL)
    assert head, name
    broken = f'    if {condition}:\n        raise ValueError("broken on purpose")\n'
    path.write_text(text[: head.end()] + broken + text[head.end() :], encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "plugin", "function"),
    [("methods", "erm", "closed_form"), ("penalties", "plug_in", "gradient")],
)
def test_a_plugin_that_raises_is_named_with_what_it_was_about(
    project: Path, folder: str, plugin: str, function: str
) -> None:
    raise_in(project, f"{folder}/{plugin}.py", function)
    said = failure(project, TABLES)
    about = (
        "error in train group=quick shard=0: .*ValueError: broken on purpose; raised by plugin "
        rf"'{plugin}' \(irm_bench/plugins/{folder}/{plugin}\.py, line \d+\); "
        r"group quick, \d+ runs, seeds 0 to 3"
    )
    assert re.search(about, said), said
    log = project / "results/notebook/logs/train/quick.0.log"
    assert "raise ValueError" in log.read_text()


def test_a_model_that_raises_on_one_seed_is_named_with_it(project: Path) -> None:
    raise_in(project, "sems/example_1.py", "sample", "n_samples == 60 and next(CALLS) == 2")
    with (project / "irm_bench/plugins/sems/example_1.py").open("a") as file:
        file.write("\n\nCALLS = iter(range(10**9))\n")
    said = failure(project, "results/notebook/moments/0.npz")
    assert "raised by plugin 'example_1' (irm_bench/plugins/sems/example_1.py" in said
    assert re.search(r"example_1, \w+ environment sigma=\S+, n = 60, seed 2", said)


def test_a_diverging_run_is_counted_and_kept(done: Path) -> None:
    summary = tables.read(
        done / "results/notebook/tables/summary.csv", tables.contracts(parsed(done))["summary"]
    )
    diverging = summary[summary["study"] == "diverging"]
    assert len(diverging)
    assert (diverging["n_diverged"] == 4).all()
    assert (diverging["n_seeds"] == 0).all()


def test_hostile_strings_stay_strings_and_nothing_is_fetched(project: Path) -> None:
    """The rest of a run, up to the page, with no network where that can be taken away."""
    prefix = tiny.without_network()
    if prefix:
        look = "import socket; print(*(name for _, name in socket.if_nameindex()))"
        command = [warm.python(prefix=tuple(prefix)), "-c", look]
        seen = subprocess.run(command, capture_output=True, text=True, check=True)
        assert seen.stdout.split() == ["lo"]
    succeed(project, prefix=prefix)
    everything = [*project.parent.rglob("*pwned*"), *ROOT.glob("*pwned*")]
    assert not everything
    page = (project / "results/notebook/report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert all(project in path.resolve().parents for path in project.rglob("*"))


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "erm; touch pwned", "__init__", "", "."]
)
@pytest.mark.parametrize("kind", ["methods", "sems", "penalties", "figures", "claims"])
def test_a_plugin_is_a_file_of_its_folder(kind: str, name: str) -> None:
    with pytest.raises(UnknownPluginError, match="is not among"):
        BOOK.plugin(kind, name)


# Keeps what it compiles in a folder that nobody but the user can write to (test_machine_code.py).
OWN_CODE = ROOT / "irm_bench/machine_code.py"


def sources() -> str:
    files = {*(ROOT / "irm_bench").rglob("*.py"), *(ROOT / "workflow").rglob("*.*")} - {OWN_CODE}
    return "\n".join(
        f.read_text(encoding="utf-8") for f in sorted(files) if "__pycache__" not in f.parts
    )


UNSAFE = r"pickle|marshal|shelve|joblib|torch\.load|yaml\.(load|unsafe)|\b(eval|exec)\(|shell=True"
FETCHING = r"os\.system|urllib\.request|\brequests\b|http\.client|socket|urlopen|ftplib"


@pytest.mark.parametrize("pattern", [UNSAFE, FETCHING])
def test_the_sources_unpickle_evaluate_and_fetch_nothing(pattern: str) -> None:
    harmless = r"allow_pickle=False|never pickled|# .*|\"\"\".*?\"\"\""
    found = re.findall(f".*(?:{pattern}).*", re.sub(harmless, "", sources()))
    assert not found


FAKE_PYTHON = """\
#!/bin/sh
# python3 -c (version check), -m venv FOLDER, scripts/set_up.py: make is killed in the one that
# `broken` tells the number of
echo "$@" >>calls
[ -e broken ] && [ "$(wc -l <calls)" -eq "$(cat broken)" ] && kill -9 $PPID && exit 1
case "$*" in
  "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/pip ;;
esac
"""


def make(folder: Path) -> Done:
    return subprocess.run(
        ["make", "setup", "PYTHON=./python"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_set_up_that_was_interrupted_is_taken_up_again(tmp_path: Path, call: int) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(FAKE_PYTHON)
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "broken").write_text(str(call))
    assert make(tmp_path).returncode != 0
    assert not (tmp_path / ".venv/.ready").exists()
    (tmp_path / "broken").unlink()
    assert make(tmp_path).returncode == 0
    calls = (tmp_path / "calls").read_text()
    assert calls.count("scripts/set_up.py cpu") >= 1
    assert (tmp_path / ".venv/.ready").exists()
    assert make(tmp_path).returncode == 0
    assert (tmp_path / "calls").read_text() == calls  # and now there is nothing to do
