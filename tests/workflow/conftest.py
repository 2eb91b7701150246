"""The real Snakefile in a copy of the project, on the smoke config."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import once
from tests.workflow import warm

ROOT = Path(__file__).parents[2]
PARTS = (
    "Snakefile",
    "config",
    "examples",
    "profiles",
    "workflow",
    "irm_bench",
    "report",
    "pyproject.toml",
)
SMOKE = "config/smoke.yaml"
# Makes a book that sets less of its own small.
SMALL = "defaults: {n_samples: 60, n_test_samples: 60, steps: 40, seeds: 2}\n"


def copy_project(folder: Path) -> Path:
    """The files that a run needs, in a folder of their own."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # with what Python has compiled of it
        else:
            shutil.copy(source, folder / name)
    return folder


def snakemake(
    project: Path,
    *arguments: str,
    cores: int = 2,
    configfile: str | None = SMOKE,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a project; its standard error holds what it says."""
    executables = str(Path(sys.executable).parent)
    path = os.pathsep.join([executables, os.environ["PATH"]])
    python = sys.executable if set(environment) - {"PYTHONPATH"} else warm.python()
    command = [python, "-m", "snakemake", "--cores", str(cores)]
    if configfile:
        command += ["--configfile", configfile]
    return subprocess.run(
        [*command, *arguments],
        cwd=project,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(project), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def tables_of(project: Path, book: str = "notebook") -> dict[str, bytes]:
    return tables_in(project / "results" / book / "tables")


def tables_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose smoke run is done; tests that change it take a copy."""
    return once(tmp_path_factory, "finished", _finish)


def _finish(folder: Path) -> None:
    done = snakemake(copy_project(folder))
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, times of files included."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


@pytest.fixture(scope="session")
def with_book(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run a book outside of it too, in the folder ``my_book`` beside it."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(ROOT / "examples/my_book", folder / "my_book")
    project = Path(shutil.copytree(finished, folder / "project", symlinks=True))
    (project / "small.yaml").write_text(SMALL)
    done = snakemake(project, "--config", "book=../my_book", configfile="small.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    return project
