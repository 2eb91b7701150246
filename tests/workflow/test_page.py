"""The page and Snakemake's own report, from the real Snakefile."""

import shutil
from pathlib import Path

import pytest

from irm_bench.report import bundle
from irm_bench.report.page import without_run
from tests.workflow.conftest import snakemake


def test_the_page_gives_all_tables_back(finished: Path, tmp_path: Path) -> None:
    page = (finished / "results/notebook/report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < bundle.LIMIT
    assert bundle.extract(page, tmp_path) == []
    for path in (finished / "results/notebook/tables").glob("*.csv"):
        assert (tmp_path / "tables" / path.name).read_bytes() == path.read_bytes()


def test_a_former_page_is_compared_with_and_changes_nothing_else(project: Path) -> None:
    page = project / "results/notebook/report.html"
    former = shutil.copy(page, project / "old.html")
    first = page.read_text(encoding="utf-8")
    done = snakemake(project, "--config", f"baseline={former}")
    assert done.returncode == 0, done.stderr[-3000:]
    compared = page.read_text(encoding="utf-8")
    assert "none has moved by a single bit" in compared
    assert "train" not in [line.split()[-1] for line in done.stderr.splitlines() if "rule " in line]
    assert snakemake(project).returncode == 0
    assert without_run(page.read_text(encoding="utf-8")) == without_run(first)


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ("none.html", "none.html is not there"),
        ("results/notebook/report.html", "is the page to write"),
    ],
)
def test_a_bad_baseline_is_named(finished: Path, baseline: str, words: str) -> None:
    failed = snakemake(finished, "--config", f"baseline={baseline}")
    assert failed.returncode != 0
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr


def test_snakemakes_own_report_has_the_figures_and_captions(finished: Path, tmp_path: Path) -> None:
    done = snakemake(finished, "--report", str(tmp_path / "snakemake.html"))
    assert done.returncode == 0, done.stderr[-3000:]
    text = (tmp_path / "snakemake.html").read_text(encoding="utf-8")
    assert "risk_over_sigma" in text
    assert "which says what the interval is" in text.replace("\\n", " ")
