"""On a real Slurm: the same bytes as without it, and what goes wrong there mends itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.conftest import SNAKEMAKE, create, run
from tests.cluster.slurm import Cluster, Job
from tests.workflow import tiny
from tests.workflow.conftest import tables_of
from tests.workflow.test_bits import page_of
from tests.workflow.tiny import wait_for

TINY = (tiny.CONFIGFILE,)

# The profiles as they are, but for the patience that a large cluster asks for.
QUICKLY = ("--latency-wait", "5")
SLURM = (
    *("--workflow-profile", "workflow/profiles/slurm", *QUICKLY),
    *("--slurm-init-seconds-before-status-checks", "3"),
)
GENERIC = (
    *("--workflow-profile", "workflow/profiles/generic", *QUICKLY),
    *("--seconds-between-status-checks", "2"),
)


def test_slurm_gives_the_same_bytes(cluster: Cluster, local: Path, tmp_path: Path) -> None:
    project = create(tmp_path)
    run(project, *SLURM)
    jobs = cluster.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert {job.node for job in jobs} == set(cluster.nodes)
    assert len(jobs) == 5  # two shards, the tables, the figures, the audit
    assert tables_of(project) == tables_of(local)
    assert page_of(project) == page_of(local)


def test_another_executor_differs_in_its_profile_alone(
    cluster: Cluster, local: Path, tmp_path: Path
) -> None:
    project = create(tmp_path)
    before = cluster.jobs()
    run(project, "results/tables/printed.csv", *GENERIC)
    jobs = [job for job in cluster.jobs() if job not in before]
    assert [job.state for job in jobs] == ["COMPLETED"] * 3  # two shards, the tables
    wanted, found = tables_of(local), tables_of(project)
    assert set(found) == set(wanted) - {"coverage.csv"}
    assert found == {name: wanted[name] for name in found}


# The last file of a shard's job.
PART = "results/parts/0/models.npz"


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the runs below must give."""
    project = tiny.create(tmp_path_factory.mktemp("tiny"))
    run(project, PART, "--cores", "2", configfiles=TINY)
    return (project / PART).read_bytes()


@contextmanager
def stalled(cluster: Cluster, project: Path) -> Iterator[Job]:
    """A run whose job stands still in the middle of writing, until the end of the block; then the
    run must come to a good end. What it says is in the file ``said``."""
    tiny.stall_writing(project, "trained/erm/0.npz")
    line = [*SNAKEMAKE, PART, *SLURM, "--configfile", *TINY]
    with tiny.running(project, line) as process:
        wait_for((project / "writing").exists)
        yield next(job for job in cluster.jobs() if job.state == "RUNNING")
        (project / "go").touch()
        said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said[-3000:]
    (project / "said").write_text(said)


def test_a_cancelled_job_is_run_again(cluster: Cluster, tmp_path: Path, part: bytes) -> None:
    project = tiny.create(tmp_path)
    with stalled(cluster, project) as job:
        cluster.run("scancel", job.number)
        wait_for(lambda: cluster.job(job.number).state == "CANCELLED")
    said = (project / "said").read_text()
    assert "Error in group shard" in said
    assert f"JOB {job.number} ON {job.node} CANCELLED" in said  # from the log of the job
    assert (project / PART).read_bytes() == part
    assert not tiny.temporaries(project)


def test_a_node_that_dies_loses_nothing(cluster: Cluster, tmp_path: Path, part: bytes) -> None:
    project = tiny.create(tmp_path)
    with stalled(cluster, project) as job:
        cluster.kill_node(job.node)
        wait_for(lambda: cluster.job(job.number).state != "RUNNING")
    cluster.start_node(job.node)
    assert (project / PART).read_bytes() == part
    assert not tiny.temporaries(project)


GREEDY = """\
    import time
    ballast = bytearray(700_000_000)
    time.sleep(4)
    del ballast
    store.write_arrays(output"""


def test_a_job_over_its_memory_is_run_again_with_more(cluster: Cluster, tmp_path: Path) -> None:
    project = tiny.create(tmp_path)
    tiny.replace(project / "irm_bench/simulate.py", "    store.write_arrays(output", GREEDY)
    before = {job.number for job in cluster.jobs()}
    little = ("--set-resources", "simulate:mem_mb=600*attempt")
    target = "results/moments/0.npz"
    run(project, target, *SLURM, *little, configfiles=TINY)
    first, second = (job for job in cluster.jobs() if job.number not in before)
    assert first.state in {"OUT_OF_MEMORY", "FAILED", "CANCELLED"}
    assert (first.memory, second.memory) == ("600M", "1200M")
    assert second.state == "COMPLETED"
    assert (project / target).exists()
