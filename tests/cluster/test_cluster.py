"""On a real Slurm: the same bytes as without it, and what goes wrong there mends itself."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from irm_bench import config
from tests.cluster.conftest import SNAKEMAKE, create, in_background, run
from tests.cluster.slurm import Cluster
from tests.unit import pipeline
from tests.workflow import tiny
from tests.workflow.conftest import SMALL, tables_of
from tests.workflow.test_bits import page_of
from tests.workflow.tiny import wait_for

# The profiles as they are.
SLURM = ("--workflow-profile", "profiles/slurm")
GENERIC = ("--workflow-profile", "profiles/generic")


def test_slurm_gives_the_same_bytes(
    cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    project = tiny.create(tmp_path / "there")
    line = [*SNAKEMAKE, *SLURM, "--configfile", tiny.CONFIGFILE, "--config", "shards=2"]
    with in_background(project, line):
        local = request.getfixturevalue("local")
    jobs = cluster.jobs(project)
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert {job.node for job in jobs} == set(cluster.nodes)
    assert len(jobs) == 4  # two shards, the tables and figures, the audit
    assert tables_of(project) == tables_of(local)
    assert page_of(project) == page_of(local)


def test_another_executor_differs_in_its_profile_alone(
    cluster: Cluster, local: Path, tmp_path: Path
) -> None:
    project = tiny.create(tmp_path / "there")
    run(project, "results/notebook/tables/printed.csv", *GENERIC, "--config", "shards=2")
    states = [job.state for job in cluster.jobs(project)]
    assert states == ["COMPLETED"] * 3  # two shards, the tables
    wanted, found = tables_of(local), tables_of(project)
    assert set(found) == set(wanted) - {"coverage.csv", "decisions.csv"}  # of the audit
    assert found == {name: wanted[name] for name in found}


def test_a_cancelled_job_and_a_dead_node_lose_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Both while their jobs stand in the middle of writing a file."""
    project = tiny.create(tmp_path / "there")
    parts = [f"results/notebook/parts/{shard}/models.npz" for shard in (0, 1)]
    tiny.stall_writing(project, "trained/quick/0.npz", "trained/quick/1.npz")
    line = [*SNAKEMAKE, *parts, *SLURM, "--configfile", tiny.CONFIGFILE, "--config", "shards=2"]
    line += ["--set-threads", "train=2"]  # a whole node, so that the other job has its own
    with tiny.running(project, line) as process:
        wait_for(lambda: len(tiny.stalled(project)) == 2)
        first, second = cluster.jobs(project)
        assert first.node != second.node
        cluster.run("scancel", first.number)
        cluster.kill_node(second.node)
        wait_for(lambda: cluster.jobs(project)[0].state == "CANCELLED")
        wait_for(lambda: cluster.jobs(project)[1].state != "RUNNING")
        cluster.start_node(second.node)
        tiny.go(project)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said[-3000:]
    assert f"JOB {first.number} ON {first.node} CANCELLED" in said
    pipeline.run(tiny.raw(project) | {"shards": 2}, tmp_path / "results/notebook")
    assert all((project / part).read_bytes() == (tmp_path / part).read_bytes() for part in parts)
    assert not tiny.temporaries(project)


def test_a_book_elsewhere_that_selects_gives_the_same_bytes(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Between training and evaluation all shards wait for the choice."""
    there, here = create(tmp_path / "there"), create(tmp_path / "here")
    small = ("--config", "book=examples/my_book")
    for project in (there, here):
        (project / "small.yaml").write_text(SMALL + "shards: 2\n")
    with in_background(there, [*SNAKEMAKE, *SLURM, *small, "--configfile", "small.yaml"]):
        run(here, "--cores", "2", *small, configfile="small.yaml")
    wanted = tables_of(here, "my_book")
    assert "selections.csv" in wanted
    assert tables_of(there, "my_book") == wanted


MOMENTS = "results/notebook/moments/0.npz"
WRITES = "    archives.write_arrays(output, SIMULATED, config.stage_hash, arrays)\n"
ONCE = """\
    import os, time
    if not os.path.exists("again"):
        open("again", "w").close()
        {trouble}
"""


def of_tiny(*arguments: str) -> list[str]:
    """The command that makes the first file of the tiny config by Slurm."""
    return [*SNAKEMAKE, MOMENTS, *SLURM, "--configfile", tiny.CONFIGFILE, *arguments]


def trouble_the_first(project: Path, trouble: str) -> None:
    """Let the first job that has written that file do something else then."""
    stage = project / "irm_bench/stages/simulate.py"
    tiny.replace(stage, WRITES, WRITES + ONCE.format(trouble=trouble))


def test_a_controller_that_is_started_again_loses_no_job(cluster: Cluster, tmp_path: Path) -> None:
    """It dies while a job writes, and Snakemake asks it for the state meanwhile."""
    project = tiny.create(tmp_path)
    tiny.stall_writing(project, "moments/0.npz")
    with tiny.running(project, of_tiny()) as process:
        wait_for(lambda: tiny.stalled(project), 120)
        (job,) = cluster.jobs(project)
        cluster.wait_until_saved(job.number)
        cluster.kill_controller()
        time.sleep(8)  # more than two questions
        cluster.start_controller()
        wait_for(lambda: {"mixed", "allocated"} & set(cluster.states()))
        tiny.go(project)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said[-3000:]
    assert [job.state for job in cluster.jobs(project)] == ["COMPLETED"]


def test_a_queue_that_refuses_is_told_and_the_next_run_goes_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    project = tiny.create(tmp_path)
    cluster.run("scontrol", "update", "PartitionName=main", "State=INACTIVE")
    try:
        with tiny.running(project, of_tiny()) as process:
            said, _ = process.communicate(timeout=300)
    finally:
        cluster.run("scontrol", "update", "PartitionName=main", "State=UP")
    assert process.returncode != 0
    # and two retries; of jobs in a group Snakemake does not tell what sbatch said
    assert said.count("Error in rule simulate") == 3
    assert "Traceback" not in said
    run(project, MOMENTS, *SLURM)
    assert (project / MOMENTS).exists()


@pytest.fixture(scope="module")
def over_its_time(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose first job stands still; Slurm ends it after a minute or two.

    It runs while the tests do that hurt nobody else's jobs.
    """
    project = tiny.create(tmp_path_factory.mktemp("over time"))
    trouble_the_first(project, "time.sleep(300)")
    with in_background(project, of_tiny("--set-resources", "simulate:runtime=attempt")):
        yield project


GREEDY = """\
    import time
    ballast = bytearray(700_000_000)
    time.sleep(4)
    del ballast
    archives.write_arrays(output"""


def test_a_job_over_its_memory_is_run_again_with_more(
    cluster: Cluster, over_its_time: Path, tmp_path: Path
) -> None:
    project = tiny.create(tmp_path)
    tiny.replace(
        project / "irm_bench/stages/simulate.py", "    archives.write_arrays(output", GREEDY
    )
    little = ("--set-resources", "simulate:mem_mb=600*attempt")
    run(project, MOMENTS, *SLURM, *little)
    first, second = cluster.jobs(project)
    assert first.state in {"OUT_OF_MEMORY", "FAILED", "CANCELLED"}
    assert (first.memory, second.memory) == ("600M", "1200M")
    assert second.state == "COMPLETED"
    assert (project / MOMENTS).exists()


def test_output_that_comes_late_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    """As over a slow network file system: the job is done, and its file is not there yet."""
    project = tiny.create(tmp_path)
    tiny.stall_writing(project, "moments/0.npz")
    with tiny.running(project, of_tiny()) as process:
        wait_for(lambda: tiny.stalled(project), 120)
        process.send_signal(signal.SIGSTOP)  # it sees nothing while the file is taken away
        tiny.go(project)
        wait_for(lambda: cluster.jobs(project)[0].state == "COMPLETED", 120)
        (project / MOMENTS).rename(project / "late")
        process.send_signal(signal.SIGCONT)
        assert process.stdout
        assert any("missing files" in line for line in process.stdout)
        (project / "late").rename(project / MOMENTS)
        said = process.stdout.read()
        process.wait(300)
    assert process.returncode == 0, said[-3000:]
    assert len(cluster.jobs(project)) == 1


def test_output_that_is_lost_is_made_again(cluster: Cluster, tmp_path: Path) -> None:
    project = tiny.create(tmp_path)
    trouble_the_first(project, "os.remove(output)")
    run(project, MOMENTS, *SLURM, "--latency-wait", "5")
    assert [job.state for job in cluster.jobs(project)] == ["FAILED", "COMPLETED"]
    assert (project / MOMENTS).exists()


FULL = "config/unit_tests_full.yaml"
OF_FULL = ("margin", "margin_10_environments", "cows_spurious")


def test_a_shard_of_the_whole_sweep_gives_the_same_bytes(cluster: Cluster, tmp_path: Path) -> None:
    """One of the fifty of the linear unit tests, with few rows, updates and draws."""
    book = ("--config", "book=unit_tests")
    scores = "results/unit_tests/scores/7.npz"
    projects = create(tmp_path / "there"), create(tmp_path / "here")
    for project in projects:
        raw = config.read(project / FULL)
        few = {"n_samples": 60, "n_validation_samples": 60, "n_test_samples": 60}
        raw["defaults"] |= {**few, "steps": 3, "draws": 2}
        raw["studies"] = [study for study in raw["studies"] if study["name"] in OF_FULL]
        (project / "cut.yaml").write_text(yaml.safe_dump(raw))
    there, here = projects
    with in_background(there, [*SNAKEMAKE, scores, *SLURM, *book, "--configfile", "cut.yaml"]):
        run(here, scores, "--cores", "2", *book, configfile="cut.yaml")
    # a shard's stages share one
    assert [job.state for job in cluster.jobs(there)] == ["COMPLETED"]
    assert (there / scores).read_bytes() == (here / scores).read_bytes()


def test_a_job_over_its_time_is_run_again_with_more(cluster: Cluster, over_its_time: Path) -> None:
    def states() -> list[str]:
        return [job.state for job in cluster.jobs(over_its_time)]

    wait_for(lambda: states()[1:] in (["COMPLETED"], ["FAILED"]))
    assert states() == ["TIMEOUT", "COMPLETED"]
    assert (over_its_time / MOMENTS).exists()
