"""Every fault is injected: nothing is lost, something clear is said, and the next run mends it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from irm_bench import config, tables
from tests.workflow import tiny
from tests.workflow.conftest import ROOT, snakemake, tables_of
from tests.workflow.tiny import TABLES

Done = subprocess.CompletedProcess[str]


def run(project: Path, *arguments: str, **environment: str) -> Done:
    return snakemake(
        project, *tiny.PROFILE, *arguments, configfile=tiny.CONFIGFILE, **environment
    )


def succeed(project: Path, *arguments: str) -> None:
    done = run(project, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]


def failure(project: Path, *arguments: str) -> str:
    """What a run says that must fail, with no traceback of Python."""
    failed = run(project, *arguments)
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    return failed.stderr


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project whose run is done; tests that change it take a copy."""
    project = tiny.create(tmp_path_factory.mktemp("done"))
    succeed(project)
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
    tiny.stall_writing(fresh, "trained/erm/0.npz")
    with tiny.running(fresh, TABLES) as first:
        tiny.wait_for((fresh / "writing").exists)
        assert "cannot be locked" in failure(fresh, TABLES)
        first.send_signal(signal.SIGKILL)
        first.wait()
        message = failure(fresh, TABLES)
        assert "cannot be locked" in message
        assert "--unlock" in message
        moments = (fresh / "results/moments/0.npz").stat().st_mtime_ns
        (fresh / "go").touch()  # the killed run's job, still there, ends too
        succeed(fresh, "--unlock")
        succeed(fresh, TABLES)
    assert (fresh / "results/moments/0.npz").stat().st_mtime_ns == moments
    assert models(fresh) == models(done)
    assert not tiny.temporaries(fresh)


def test_a_worker_killed_in_the_middle_of_writing(fresh: Path, done: Path) -> None:
    tiny.stall_writing(fresh, "trained/erm/0.npz")
    with tiny.running(fresh, TABLES) as process:
        tiny.wait_for((fresh / "writing").exists)
        os.kill(int((fresh / "writing").read_text()), signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "died with <Signals.SIGKILL: 9>" in said or "train" in said
    assert not (fresh / "results/trained/erm/0.npz").exists()
    assert len(tiny.temporaries(fresh)) == 1
    (fresh / "go").touch()
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
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", tiny.CONFIGFILE]
    failed = subprocess.run(
        [*without_override(), *command],
        cwd=fresh,
        env={**os.environ, "PYTHONPATH": str(fresh)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    assert "error: the folder results cannot be written (Permission denied)" in failed.stderr


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_damaged_files_are_all_named_and_mended_by_deletion(project: Path, done: Path) -> None:
    results = project / "results"
    shutil.rmtree(results / "tables")
    shutil.rmtree(results / "parts/0")
    damaged = ["moments/1.npz", "trained/erm/0.npz", "parts/1/errors.npz"]
    flip(results / damaged[0])
    data = (results / damaged[1]).read_bytes()
    (results / damaged[1]).write_bytes(data[: len(data) // 2])
    flip(results / damaged[2])
    seen: set[str] = set()
    while len(seen) < len(damaged):
        message = failure(project, TABLES, "--keep-going", "--rerun-triggers", "mtime")
        named = re.findall(r"results/(\S+) is damaged", message)
        assert named, message
        assert "delete it and run again to rebuild it" in message
        for name in named:
            (results / name).unlink(missing_ok=True)
        seen |= set(named)
    assert seen == set(damaged)
    succeed(project, TABLES)
    assert models(project) == models(done)
