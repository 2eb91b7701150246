"""Editing a file runs again what stands on it, and nothing else."""

import re
import subprocess
from pathlib import Path

import pytest

from irm_bench.running import closure
from tests.workflow import warm
from tests.workflow.conftest import ROOT, SMOKE, snakemake

# Where the modules of each rule begin.
STAGES = {
    "simulate": "stages.simulate",
    "train": "stages.train",
    "score": "stages.select",
    "evaluate": "stages.evaluate",
    "aggregate": "stages.aggregate",
    "diagnose": "stages.diagnose",
    "audit": "stages.audit",
    "judge": "stages.judge",
    "figures": "stages.draw",
    "report": "stages.report",
    "provenance": "running.provenance",
}
PAGE = {"report", "all"}
JUDGED = {"judge", "provenance", *PAGE}
TABLES = {"evaluate", "aggregate", "diagnose", "diagnosis", "figures", *JUDGED}
TRAINED = {"train", *TABLES}
# A file of the project, and the rules that run again once it is edited.
OF_THE_PROJECT = {
    "irm_bench/theory/moments.py": {"simulate", "audit", *TRAINED},
    "irm_bench/engine/descent.py": TRAINED,
    "irm_bench/plugins/penalties/u_statistic.py": TRAINED,
    "irm_bench/planning/exact.py": TABLES,
    "irm_bench/storage/contracts/__init__.py": {"audit", *TABLES},
    "irm_bench/stages/audit.py": {"audit", "provenance", *PAGE},
    "irm_bench/judging/findings.py": JUDGED,
    "irm_bench/books/notebook/claims/crossover.py": JUDGED,
    "irm_bench/books/notebook/printed.csv": JUDGED,
    "irm_bench/presentation/axes.py": {"figures", "provenance", *PAGE},
    "irm_bench/books/notebook/figures/histograms.py": {"figures", "provenance", *PAGE},
    "irm_bench/books/notebook/exhibits.py": PAGE,
    "irm_bench/books/notebook/sections/answer.html.j2": PAGE,
    "irm_bench/books/notebook/scripts/calculator.js": PAGE,
    "report/style.css": PAGE,
    "irm_bench/publishing/site.py": set(),
}
# Of a book that selects.
CHOSEN = {"score", "select", "evaluate_chosen", *TRAINED} - {"evaluate"}
OF_MY_BOOK = {
    "data/measurements.csv": {"simulate", *CHOSEN},
    "sems/measured.py": {"simulate", "audit", *CHOSEN},
    "methods/vrex.py": CHOSEN,
    "claims/vrex_leaves_the_effects.py": JUDGED,
    "figures/test_errors.py": {"figures", "provenance", *PAGE},
    "sections/drawn.html.j2": PAGE,
    "README.md": set(),
}


def would_run(project: Path, *arguments: str, configfile: str | None = SMOKE) -> set[str]:
    """The rules of which Snakemake would run a job."""
    planned = snakemake(project, "--dry-run", *arguments, configfile=configfile)
    assert planned.returncode == 0, planned.stderr[-3000:]
    return set(re.findall(r"^(\w+) +\d+$", planned.stdout + planned.stderr, re.M)) - {"total"}


def edit(path: Path) -> str:
    """Change a file in a way that means nothing; what it was before."""
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\n", encoding="utf-8")
    return before


@pytest.mark.parametrize(("name", "rules"), OF_THE_PROJECT.items(), ids=OF_THE_PROJECT)
def test_a_file_runs_again_what_stands_on_it(project: Path, name: str, rules: set[str]) -> None:
    edit(project / name)
    assert would_run(project) == rules


@pytest.mark.parametrize(("name", "rules"), OF_MY_BOOK.items(), ids=OF_MY_BOOK)
def test_so_does_a_file_of_a_book_elsewhere(with_book: Path, name: str, rules: set[str]) -> None:
    path = with_book.parent / "my_book" / name
    if not path.exists():
        path.write_text("Words.\n")
    before = edit(path)
    try:
        found = would_run(with_book, "--config", "book=../my_book", configfile="small.yaml")
    finally:
        path.write_text(before, encoding="utf-8")
    assert found == rules


@pytest.mark.parametrize("stage", STAGES.values())
def test_what_a_stage_loads_is_in_its_closure(stage: str) -> None:
    """Against Python itself: the modules that are there once the stage is imported."""
    script = (
        f"import sys, irm_bench.{stage}\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('irm_bench.')))"
    )
    done = subprocess.run(
        [warm.python(), "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {Path(path).resolve() for path in done.stdout.split()}
    # imported with the package itself, by whoever imports anything of it
    for name in ("library.py", "running/__init__.py", "running/interrupts.py"):
        loaded.discard(closure.PACKAGE / name)
    assert closure.PACKAGE / f"{stage.replace('.', '/')}.py" in loaded
    assert loaded <= set(closure.sources(stage))


def test_relative_imports_and_functions_named_in_texts_count(tmp_path: Path) -> None:
    for name, text in {
        "methods/mine.py": "from ..shared import help\nfrom . import _own\n",
        "methods/_own.py": 'HESSIAN = "irm_bench.theory.flow:limit"\n',
        "shared/help.py": "import json\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = set(closure.of_files(tmp_path / "methods/mine.py"))
    own = {path for path in found if tmp_path in path.parents}
    assert own == set(tmp_path.rglob("*.py"))
    assert found - own == set(closure.sources("theory.flow"))
