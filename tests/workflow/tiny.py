"""A project whose run takes seconds, and ways to hurt it while it runs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from irm_bench import config
from tests.workflow import warm
from tests.workflow.conftest import ROOT, copy_project

CONFIGFILE = "config/tiny.yaml"
# Whatever interprets a title: a shell, Snakemake's wildcards, HTML, a path, a terminal.
HOSTILE = (
    "$(touch pwned) `touch pwned`; touch pwned | '\" && {wildcards.shard} {input} "
    "</title></script><script>alert(1)</script><img src=x onerror=alert(1)> ../../../x %s \\ \u202e"
)
CONFIG = f"""\
title: {json.dumps(HOSTILE)}
shards: 1
defaults: {{n_samples: 60, n_test_samples: 60, steps: 200, seeds: 4}}
studies:
  - name: notebook
    description: {json.dumps(HOSTILE)}
    trajectories: true
    methods: [{{name: erm}}, {{name: irm, penalty: plug_in}}]
  - name: diverging
    learning_rate: {{rule: fixed, value: 10}}
    methods: [{{name: erm}}]
figures: [histograms]
claims: []
audit: {{replicates: 20, seed_counts: [5]}}
"""
# The tables of the first stages alone: a few seconds less than the page.
TABLES = "results/notebook/tables/models.csv"

Command = list[str]


def create(folder: Path) -> Path:
    """A fresh project with the tiny config."""
    folder.mkdir(exist_ok=True)
    project = copy_project(folder)
    (project / CONFIGFILE).write_text(CONFIG, encoding="utf-8")
    return project


def make_ready(project: Path) -> None:
    """An environment in the project as ``make`` sets one up, with the packages of this one."""
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, project)
    environment = project / ".venv"
    (environment / "bin").mkdir(parents=True)
    warm.write(environment / "bin/python")
    (environment / ".ready").touch()


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the Makefile to its end."""
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env=surroundings(project),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def raw(project: Path) -> dict[str, Any]:
    """The config of a project, as it is before it is parsed."""
    return config.laid_over(config.read(project / CONFIGFILE))


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that is there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def stall_writing(project: Path, *names: str) -> None:
    """Make whoever writes a file of these names stop in the middle until ``go`` is called."""
    stalled = f"""\
if str(path).endswith({names!r}):
            import time
            os.truncate(name, os.path.getsize(name) // 2)
            Path(f"writing-{{os.getpid()}}").touch()
            while not Path("go").exists():
                time.sleep(0.05)
            write(Path(name))
        os.fsync(handle)"""
    replace(project / "irm_bench/storage/archives.py", "os.fsync(handle)", stalled)


def stalled(project: Path) -> list[int]:
    """The process ids of those who stand still."""
    return [int(path.name.split("-")[1]) for path in project.glob("writing-*")]


def go(project: Path) -> None:
    """Let them go on."""
    (project / "go").touch()


def command(
    *arguments: str,
    configfiles: Sequence[str] = (CONFIGFILE,),
    cores: int = 2,
    python: str = sys.executable,
) -> Command:
    """The command line of a run."""
    program = (python, "-m", "snakemake", "--cores", str(cores))
    return [*program, *arguments, "--configfile", *configfiles]


def surroundings(project: Path, **environment: str) -> dict[str, str]:
    """The environment variables of a run."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(project), **environment}


def run(
    project: Path, *arguments: str, prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end, by way of another program if there is a prefix."""
    return subprocess.run(
        command(*arguments, python=warm.python(prefix=tuple(prefix))),
        cwd=project,
        env=surroundings(project),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def check_results(project: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    """What the end of ``make report`` says of the results, and ``make check-results``."""
    return subprocess.run(
        [warm.python(), "-m", "irm_bench.running.chain", "notebook", *asked],
        cwd=project,
        env=surroundings(project),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running(project: Path, line: Command, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Snakemake in the background, in a session of its own that is ended with the block."""
    process = subprocess.Popen(
        line,
        cwd=project,
        env=surroundings(project, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # a shell that runs the tests in the background has it ignored, here and in all children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition: Callable[[], object], seconds: float = 240) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def temporaries(project: Path) -> list[Path]:
    """What writers leave when they are killed."""
    return [p for p in (project / "results").rglob(".*") if p.is_file()]


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A small file system of its own at a folder.

    Raises:
        PermissionError: mounting is not permitted here.
    """
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tests", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        raise PermissionError("mounting a tmpfs is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def without_network() -> list[str]:
    """The prefix of a command that has no network; empty where that is not permitted."""
    prefix = ["unshare", "--net"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*prefix, "true"], capture_output=True).returncode
    ):
        return []
    return prefix
