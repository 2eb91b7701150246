"""Records of jobs, and what is gathered of them."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from irm_bench import config
from irm_bench.errors import about
from irm_bench.plugins.registry import Book
from irm_bench.running import job, provenance
from irm_bench.storage import archives
from irm_bench.storage.archives import StageError

CONFIG = config.parse(
    {
        "title": "Small",
        "root_seed": 5,
        "shards": 2,
        "studies": [
            {
                "name": "one",
                "train_sigmas": [[0.1, 1.0]],
                "test_environments": [{"sigma": 1}],
                "methods": [{"name": "erm"}],
                "seeds": [3, 1],
            }
        ],
    }
)
BENCHMARK = "s\th:m:s\tmax_rss\tio_in\tmean_load\tcpu_time\n2.5\t0:00:02\t300.5\t-\tNA\t2.0\n"


def snakemake(rule: str, inputs: list[str], outputs: list[str], **wildcards: str) -> Any:
    name = ".".join([rule, *wildcards.values()])
    return SimpleNamespace(
        rule=rule,
        wildcards=wildcards,
        threads=1,
        resources={"mem_mb": 1000},
        input=inputs,
        output=outputs,
        log=[f"results/notebook/logs/{rule}/{name}.log"],
        config=dict(CONFIG.resolved),
    )


def do(text: str, rule: str, inputs: list[str], output: str, **wildcards: str) -> None:
    """Do a job that writes a text."""
    described = snakemake(rule, inputs, [output], **wildcards)
    with job.run(described, "storage.archives"):
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_text(text)
    measured = Path(described.log[0].replace("logs", "benchmarks")).with_suffix(".tsv")
    measured.parent.mkdir(parents=True, exist_ok=True)
    measured.write_text(BENCHMARK)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a run leaves: two shards, a table of them, and a job of an earlier config."""
    monkeypatch.chdir(tmp_path)
    Path("code.py").write_text("pass")
    for shard in ("0", "1"):
        do(
            f"moments {shard}",
            "simulate",
            ["code.py"],
            f"results/notebook/moments/{shard}",
            shard=shard,
        )
    do("old", "simulate", ["code.py"], "results/notebook/moments/2", shard="2")
    parts = ["results/notebook/moments/0", "results/notebook/moments/1"]
    do("a,b\n1,2\n", "aggregate", parts, "results/notebook/tables/models.csv")
    return Path("results/notebook")


def test_a_table_is_traced_to_the_jobs_and_files_that_made_it(results: Path) -> None:
    found = provenance.collect(CONFIG, results)
    fixed, run = found["results"], found["run"]
    table = fixed["files"]["results/notebook/tables/models.csv"]
    assert table == {
        "sha256": archives.digest("results/notebook/tables/models.csv"),
        "rule": "aggregate",
    }
    assert fixed["rules"] == {"aggregate": {"reads": ["simulate"]}, "simulate": {"reads": []}}
    assert [j["wildcards"].get("shard") for j in run["jobs"]] == [None, "0", "1"]
    written = {path: sha for j in run["jobs"] for path, sha in j["outputs"].items()}
    for path, sha256 in run["jobs"][0]["inputs"].items():
        assert sha256 == written[path] == archives.digest(path)
    assert run["unexplained"] == []


def test_stages_are_timed_with_snakemakes_measurements(results: Path) -> None:
    stages = provenance.collect(CONFIG, results)["run"]["stages"]
    assert list(stages) == ["simulate", "aggregate"]
    assert stages["simulate"]["jobs"] == 2
    assert stages["simulate"]["job_seconds"] == 5.0
    assert stages["simulate"]["cpu_seconds"] > 0
    assert 10 < stages["simulate"]["max_rss_mb"] < 10_000


def test_config_seeds_and_versions_are_told(results: Path) -> None:
    fixed = provenance.collect(CONFIG, results)["results"]
    assert fixed["config_hash"] == CONFIG.results_hash
    assert fixed["config"]["studies"][0]["steps"] == 50_000
    assert fixed["seeds"] == {"one": [1, 3]}
    assert fixed["packages"]["numpy"]
    assert len(fixed["lock"]["sha256"]) == 64
    json.dumps(fixed, allow_nan=False)


def test_what_is_fixed_knows_nothing_of_the_run(results: Path) -> None:
    before = provenance.collect(CONFIG, results)["results"]
    moved = shutil.copytree(results, "elsewhere/results/notebook")
    again = provenance.collect(config.parse({**CONFIG.resolved, "shards": 1}), moved)
    assert again["results"] == before
    text = json.dumps(before)
    assert "shards" not in text
    assert provenance.host()["cpu"] not in text


def test_a_file_that_no_job_wrote_like_this_is_told(results: Path) -> None:
    (results / "tables/models.csv").write_text("a,b\n1,3\n")
    (results / "tables/mine.csv").write_text("a\n")
    found = provenance.collect(CONFIG, results)
    assert found["run"]["unexplained"] == [
        "results/notebook/tables/mine.csv",
        "results/notebook/tables/models.csv",
    ]
    assert found["results"]["files"]["results/notebook/tables/mine.csv"]["rule"] is None


def test_logs_of_failures_and_no_logs_at_all_are_no_obstacle(results: Path) -> None:
    (results / "logs/simulate/simulate.0.log").write_text("Traceback …")
    assert len(provenance.collect(CONFIG, results)["run"]["jobs"]) == 2
    shutil.rmtree(results / "logs")
    found = provenance.collect(CONFIG, results)
    assert found["run"]["jobs"] == []
    assert found["run"]["unexplained"] == ["results/notebook/tables/models.csv"]


def test_the_commit_is_told_and_whether_the_sources_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    provenance.code.cache_clear()
    assert provenance.code() == {"commit": None, "dirty": None}
    names = ("-c", "user.name=x", "-c", "user.email=x")
    for command in (["init"], [*names, "commit", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True, capture_output=True)
    provenance.code.cache_clear()
    clean = provenance.code()
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "new.py").touch()
    provenance.code.cache_clear()
    assert provenance.code() == {**clean, "dirty": True}
    provenance.code.cache_clear()


def fail(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends with an error; the process does not."""
    monkeypatch.setattr(job.os, "_exit", lambda code: None)
    described = snakemake("train", [], [], shard="0")
    with job.run(described, "storage.archives"), about("group erm, seeds 0 to 3"):
        raise error


def test_a_fault_that_can_be_mended_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fail(StageError("x.npz is damaged"), monkeypatch)
    assert capsys.readouterr().err == "error in train shard=0: x.npz is damaged\n"
    assert Path("results/notebook/logs/train/train.0.log").read_text() == "x.npz is damaged\n"


def test_any_other_fault_says_what_it_was_about_and_where_to_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fail(ValueError("two\nlines"), monkeypatch)
    said = capsys.readouterr().err
    assert said == (
        "error in train shard=0: ValueError: two lines; group erm, seeds 0 to 3 "
        "(traceback in results/notebook/logs/train/train.0.log)\n"
    )
    assert "Traceback" in Path("results/notebook/logs/train/train.0.log").read_text()


def test_a_log_that_cannot_be_written_does_not_hide_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").write_text("a file where the folder should be")
    fail(StageError("disk full"), monkeypatch)
    assert "disk full" in capsys.readouterr().err


def test_of_a_book_elsewhere_its_files_are_told(results: Path, tmp_path: Path) -> None:
    fixed = provenance.collect(CONFIG, results)["results"]
    assert fixed["book"] == {"name": "notebook", "files": {}}  # its commit tells of them
    folder = tmp_path / "mine"
    for name in ("config.yaml", "sems/own.py", "data/rows.csv", ".git/config", "results/x.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    mine = replace(CONFIG, book=Book("mine", folder))
    told = provenance.collect(mine, results)["results"]
    assert told["book"]["files"] == {
        name: archives.digest(folder / name)
        for name in ("config.yaml", "data/rows.csv", "sems/own.py")
    }
    assert "results/mine/tables/models.csv" in told["files"]


def test_below_another_folder_a_run_is_told_alike(results: Path) -> None:
    """As a module of another workflow, which gives the paths of all jobs a prefix."""
    before = provenance.collect(CONFIG, results)["results"]
    moved = Path(shutil.copytree(results, "irm/results/notebook"))
    for log in moved.glob("logs/**/*.log"):
        log.write_text(log.read_text().replace('"results/', '"irm/results/'))
    shutil.rmtree(results)
    found = provenance.collect(CONFIG, moved)
    assert found["results"] == before
    assert found["run"]["unexplained"] == []
