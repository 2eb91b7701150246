"""The pipeline as a user runs it."""

from pathlib import Path

import pytest

from irm_bench import config
from irm_bench.storage import tables
from tests.workflow.conftest import SMOKE, snakemake, tables_of


def test_the_page_and_every_table_are_made(finished: Path) -> None:
    parsed = config.of_book("notebook", config.read(finished / SMOKE))
    for name, contract in tables.contracts(parsed).items():
        assert len(tables.read(finished / f"results/notebook/tables/{name}.csv", contract))
    page = (finished / "results/notebook/report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")


def test_a_second_run_does_nothing_and_says_so(finished: Path) -> None:
    again = snakemake(finished)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stderr + again.stdout
    assert "profile profiles/default" in again.stderr  # found without being named


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sigms: 1", ["'sigms'", "allowed are"]),
        ("shards: 0", ["shards", "0", "at least 1"]),
        (
            "defaults: {train_sigmas: [[0.1]]}\n"
            "studies: [{name: a, methods: [{name: irm, penalty: plug_in}]}]",
            ["single", "irm"],
        ),
        ("studies: [{name: a}, {name: a}]", ["'methods' is missing"]),
        ("title: [", ["YAML"]),
    ],
)
def test_a_bad_config_stops_before_any_job(finished: Path, text: str, words: list[str]) -> None:
    (finished / "bad.yaml").write_text(text)
    failed = snakemake(finished, configfile="bad.yaml")
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    assert "localrule" not in failed.stderr
    for word in words:
        assert word in failed.stderr


def test_a_damaged_intermediate_is_named_and_rebuilt_once_deleted(project: Path) -> None:
    wanted = tables_of(project)
    victim = project / "results/notebook/trained/quick/0.npz"
    victim.write_bytes(victim.read_bytes()[:1000])
    failed = snakemake(project)
    assert failed.returncode != 0
    assert "results/notebook/trained/quick/0.npz is damaged" in failed.stderr
    assert "delete it and run again" in failed.stderr
    assert "Traceback" not in failed.stderr
    victim.unlink()
    assert snakemake(project).returncode == 0
    assert tables_of(project) == wanted


def test_another_config_computes_again(project: Path) -> None:
    before = tables_of(project)
    done = snakemake(project, "--config", "root_seed=7", "--until", "aggregate")
    assert done.returncode == 0, done.stderr[-3000:]
    assert tables_of(project)["models.csv"] != before["models.csv"]
