"""Books elsewhere: the tutorial word by word, what may name a book, and the use as a module."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from irm_bench import config
from tests.workflow import warm
from tests.workflow.conftest import ROOT, copy_project, snakemake
from tests.workflow.tiny import CONFIG, replace

Done = subprocess.CompletedProcess[str]


def blocks(path: Path) -> list[str]:
    """The commands of a document, block by block."""
    return re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in a folder of its own, set up with this environment's packages."""
    project = tmp_path_factory.mktemp("tutorial") / "project"
    project.mkdir()
    copy_project(project)
    shutil.copy(ROOT / "Makefile", project)
    shutil.copy(ROOT / "requirements.lock", project)
    binaries = project / ".venv/bin"
    binaries.mkdir(parents=True)
    for name, line in {"python": "", "snakemake": "-m snakemake "}.items():
        (binaries / name).write_text(f'#!/bin/sh\nexec "{warm.python()}" {line}"$@"\n')
        (binaries / name).chmod(0o755)
    (project / ".venv/.ready").touch()
    return project


def shell(project: Path, command: str) -> Done:
    return subprocess.run(
        ["sh", "-e", "-c", command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "CORES": "2"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_tutorial_does_what_it_says(clone: Path) -> None:
    """Of its book, a twentieth of the updates."""
    replace(clone / "examples/my_book/config.yaml", "steps: 10000", "steps: 500")
    told = []
    for command in blocks(clone / "examples/my_book/README.md"):
        done = shell(clone, command)
        assert done.returncode == 0, command + done.stdout[-2000:] + done.stderr[-2000:]
        told.append(done.stdout)
    page = (clone / "results/my_book/report.html").read_text(encoding="utf-8")
    assert "ridge, shrinkage = 0.1" in page
    assert "What was chosen." in page
    assert "keep their contracts" in "".join(told)
    assert re.search(r"ridge +\d|anchor +\d", told[-1])


def test_a_config_file_cannot_name_a_book_elsewhere(clone: Path) -> None:
    book = clone.parent / "evil"
    shutil.copytree(clone / "examples/my_book", book, dirs_exist_ok=True)
    mark = clone.parent / "ran"
    with (book / "sems/measured.py").open("a", encoding="utf-8") as file:
        file.write(f"\nopen({str(mark)!r}, 'w')\n")
    (clone / "evil.yaml").write_text(yaml.safe_dump({"book": str(book)}))
    refused = snakemake(clone, "-n", configfile="evil.yaml")
    assert refused.returncode != 0
    assert "a book is named on the command line alone" in refused.stderr
    assert shell(clone, "make report CONFIG=evil.yaml").returncode != 0
    assert not mark.exists()
    named = snakemake(clone, "-n", "--config", f"book={book}", configfile=None)
    assert named.returncode == 0, named.stderr[-2000:]
    assert mark.exists()


@pytest.mark.parametrize(
    ("make_it", "name", "words"),
    [
        ("", "../../etc", "neither a folder nor a book"),
        ("mkdir -p {there}/plain", "{there}/plain", "no config.yaml"),
        (
            "mkdir -p {there}/notebook && cp examples/my_book/config.yaml {there}/notebook",
            "{there}/notebook",
            "the name of a book of the project already",
        ),
        (
            "mkdir -p '{there}/My Book' && cp examples/my_book/config.yaml '{there}/My Book'",
            "{there}/My Book",
            "small letters, digits and underscores",
        ),
    ],
)
def test_what_cannot_be_a_book_is_told(clone: Path, make_it: str, name: str, words: str) -> None:
    there = clone.parent / "there"
    if make_it:
        assert shell(clone, make_it.format(there=there)).returncode == 0
    name = name.format(there=there)
    failed = snakemake(clone, "-n", "--config", f"book={name}", configfile=None)
    assert failed.returncode != 0
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr
    assert words in shell(clone, f"make report BOOK='{name}'").stderr


def test_two_books_of_one_name_do_not_share_their_results(clone: Path, with_book: Path) -> None:
    """Unless the first one is no book any more: it was moved."""
    second = clone.parent / "second/my_book"
    shutil.copytree(clone / "examples/my_book", second)
    line = ("-n", "--config", f"book={second}")
    refused = snakemake(with_book, *line, configfile="small.yaml")
    assert refused.returncode != 0
    assert f"another book of this name, {with_book.parent / 'my_book'}: rename" in refused.stderr
    assert "Traceback" not in refused.stderr
    first = (with_book.parent / "my_book").rename(with_book.parent / "away")
    try:
        assert snakemake(with_book, *line, configfile="small.yaml").returncode == 0
    finally:
        first.rename(with_book.parent / "my_book")


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", "erm.py", "a b"])
@pytest.mark.parametrize("kind", ["sem", "method", "penalty", "loss", "figure", "claim", "section"])
def test_a_name_in_a_config_does_not_leave_its_folder(kind: str, name: str) -> None:
    study = {"name": "a", "train_sigmas": [[1, 2]], "test_environments": [{"sigma": 1}]}
    method = {"name": name if kind == "method" else "irm", "penalty": "plug_in"}
    raw = {"studies": [study | {"methods": [method]}], "figures": [], "claims": [], "sections": []}
    match kind:
        case "penalty":
            method["penalty"] = name
        case "sem" | "loss":
            raw["studies"][0] |= {kind: name}
        case "figure" | "claim":
            raw[f"{kind}s"] = [name]
        case "section":
            raw["sections"] = [{"name": name, "title": "x"}]
    with pytest.raises(config.ConfigError) as refused:
        config.of_book("notebook", raw)
    assert repr(name) in str(refused.value)


MODULE = """\
module irm_bench:
    snakefile: "{snakefile}"
    config: {{"book": "notebook", **config}}

use rule * from irm_bench as irm_*

rule mine:
    default_target: True
    input: "results/notebook/tables/models.csv"
    output: "mine.txt"
    shell: "wc -l {{input}} > {{output}}"
"""


def test_another_workflow_uses_it_as_a_module(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(MODULE.format(snakefile=clone / "Snakefile"))
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    command = [warm.python(), "-m", "snakemake", "--cores", "2", "--configfile", "tiny.yaml"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path / "results/notebook/tables/summary.csv").exists()
