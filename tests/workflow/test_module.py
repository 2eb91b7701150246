"""The workflow as a module of another one, which gets the tables under a folder of its own."""

import json
from pathlib import Path

import pytest

from irm_bench import config
from irm_bench.library import run_stages
from tests.workflow.conftest import ROOT, snakemake

CONFIG = {
    "book": "notebook",
    "shards": 2,
    "defaults": {"n_samples": 60, "n_test_samples": 60, "steps": 80, "seeds": 4},
    "studies": [
        {
            "name": "notebook",
            "trajectories": True,
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
        }
    ],
    "figures": ["histograms"],
    "claims": [],
    "audit": {"replicates": 20, "seed_counts": [5]},
}
WORKFLOW = """\
module irm_bench:
    snakefile: {snakefile!r}
    config: {config!r}
    prefix: "benchmark"

use rule * from irm_bench as irm_*

rule mine:
    default_target: True
    input:
        "benchmark/results/notebook/tables/summary.csv",
        everything=rules.irm_all.input,
    output:
        "n_rows.txt",
    shell:
        "wc -l < {{input[0]}} > {{output}}"
"""


def write(folder: Path, **keys: object) -> None:
    """A workflow of its own, beside nothing of the project."""
    text = WORKFLOW.format(snakefile=str(ROOT / "workflow/Snakefile"), config=CONFIG | keys)
    (folder / "Snakefile").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of another workflow that has run."""
    folder = tmp_path_factory.mktemp("another")
    write(folder)
    done = snakemake(folder, configfile=None, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_its_tables_are_those_of_the_stages_alone(folder: Path, tmp_path: Path) -> None:
    tables = folder / "benchmark/results/notebook/tables"
    alone = run_stages(config.of_book("notebook", CONFIG), tmp_path)
    names = {path.name for path in alone.glob("*.csv")}
    assert "summary.csv" in names
    assert names == {path.name for path in tables.glob("*.csv")}
    for name in names:
        assert (tables / name).read_bytes() == (alone / name).read_bytes(), name
    assert int((folder / "n_rows.txt").read_text()) > 10


def test_nothing_is_written_elsewhere(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {
        ".snakemake",
        "Snakefile",
        "benchmark",
        "n_rows.txt",
    }
    told = json.loads((folder / "benchmark/results/notebook/provenance.json").read_text())
    assert told["run"]["unexplained"] == []
    assert "results/notebook/tables/summary.csv" in told["results"]["files"]
    assert (folder / "benchmark/results/notebook/report.html").exists()


def test_it_runs_again_only_what_has_to(folder: Path) -> None:
    again = snakemake(folder, configfile=None, PYTHONPATH=str(ROOT))
    assert again.returncode == 0
    assert "Nothing to be done" in again.stderr + again.stdout


def test_a_mistake_in_the_config_is_named(tmp_path: Path) -> None:
    write(tmp_path, shards=0)
    failed = snakemake(tmp_path, configfile=None, PYTHONPATH=str(ROOT))
    assert failed.returncode != 0
    assert "shards" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_book_elsewhere_is_named_in_the_snakefile(tmp_path: Path) -> None:
    write(
        tmp_path,
        book=str(ROOT / "examples/my_book"),
        figures=[],
        studies=[
            {
                "name": "drawn",
                "sem": "drawn_weights",
                "train_sigmas": [[0.3, 1.2]],
                "test_environments": [{"sigma": 1}],
                "methods": [{"name": "vrex"}],
                "selection": ["in_distribution"],
            }
        ],
    )
    planned = snakemake(tmp_path, "-n", "irm_all", configfile=None, PYTHONPATH=str(ROOT))
    assert planned.returncode == 0, planned.stderr[-3000:]
    told = planned.stdout + planned.stderr
    assert "irm_evaluate_chosen" in told
    assert "benchmark/results/my_book/tables/summary.csv" in told
