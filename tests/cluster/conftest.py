"""One Slurm of two nodes for all tests of the folder; where there is none, they say why."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.slurm import Cluster, why_not
from tests.workflow import tiny, warm
from tests.workflow.conftest import copy_project

REQUIRED = "IRM_BENCH_REQUIRE_CLUSTER"
# As it is, but for the patience that a cluster with other users asks for: the executor for Slurm
# waits ten seconds longer with each question to which nothing has ended; here it is always two.
IMPATIENT = """\
import sys
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(
    lambda self: 2, lambda self, seconds: None
)
sys.exit(main())
"""
SNAKEMAKE = (sys.executable, "-c", IMPATIENT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


def need_slurm() -> None:
    """Skip, or fail where a cluster is required, if Slurm cannot be started here."""
    reason = why_not()
    if reason and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but {reason}")
    if reason:
        pytest.skip(f"no Slurm: {reason}")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that is stopped whatever happens."""
    need_slurm()
    with Cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running
    assert not running.remains()


def create(folder: Path) -> Path:
    """A project that has not run."""
    folder.mkdir(exist_ok=True)
    return copy_project(folder)


def run(project: Path, *arguments: str, configfile: str = tiny.CONFIGFILE) -> None:
    """Run Snakemake to its end, which must be a good one."""
    is_here = "--workflow-profile" not in arguments
    program = (warm.python(), *SNAKEMAKE[1:]) if is_here else SNAKEMAKE
    with in_background(project, [*program, *arguments, "--configfile", configfile]):
        pass


@contextmanager
def in_background(project: Path, line: tiny.Command) -> Iterator[None]:
    """Run Snakemake while the block runs, which mostly waits for its cluster, to a good end."""
    with tiny.running(project, line) as process:
        yield
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said[-4000:]


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run without a cluster."""
    project = tiny.create(tmp_path_factory.mktemp("local"))
    run(project, "--cores", "2", "--config", "shards=2")
    return project
