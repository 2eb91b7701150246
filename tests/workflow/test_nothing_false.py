"""A job that fails leaves what people read as it was, and what is not as it was made is told."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from irm_bench.storage import archives, tables
from tests.workflow import tiny

RESULTS = Path("results/notebook")


# A folder's name with all that means something to make, to a shell, or to Snakemake.
ODD_NAME = "a 'b' [c] $d;é {e} & \"f\""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project with its page, made by make where names are odd; tests take a copy."""
    project = tiny.create(tmp_path_factory.mktemp("page") / ODD_NAME)
    (project / tiny.CONFIGFILE).rename(project / "my tiny.yaml")
    tiny.make_ready(project)
    ended = tiny.make(project, "report", "CONFIG=my tiny.yaml", "CORES=2")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "The page is at results/notebook/report.html" in ended.stdout
    (project / "my tiny.yaml").rename(project / tiny.CONFIGFILE)
    assert told(project) == []
    return project


@pytest.fixture
def project(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "project", symlinks=True))


def told(project: Path, *asked: str) -> list[str]:
    """What ``make check-results`` says; and what ``make report`` says of another config."""
    ended = tiny.check_results(project, *asked)
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert ended.returncode == int(bool(lines))
    return lines


def read_by_people(project: Path) -> dict[str, bytes]:
    """Tables, figures and pages."""
    folder = project / RESULTS
    paths = [*folder.glob("*.*"), *folder.glob("tables/*"), *folder.glob("figures/*")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


def spoil_table(project: Path) -> str:
    path = project / RESULTS / "tables/histograms.csv"
    path.write_text(path.read_text() + "garbage\n")
    return "histograms.csv is not as it was written"


def spoil_figure(project: Path) -> str:
    plugin = project / "irm_bench/books/notebook/figures/histograms.py"
    plugin.write_text(plugin.read_text() + "\n\ndef data(tables, config):\n    return 1 / 0\n")
    return "ZeroDivisionError"


def spoil_template(project: Path) -> str:
    template = project / "report/templates/page.html.j2"
    template.write_text(template.read_text() + "{{ nothing.at_all }}")
    return "UndefinedError"


@pytest.mark.parametrize("spoil", [spoil_table, spoil_figure, spoil_template])
def test_a_failed_job_leaves_what_people_read(project: Path, spoil: Callable[[Path], str]) -> None:
    words = spoil(project)
    before = read_by_people(project)
    for _ in range(2):  # the next run knows that it has to be made
        failed = tiny.run(project)
        assert failed.returncode != 0
        assert words in failed.stderr
        assert "Traceback" not in failed.stderr
        assert "report.html" in before
        assert read_by_people(project) == before


def test_a_bad_baseline_is_told_before_any_job(project: Path) -> None:
    before = read_by_people(project)
    (project / "old.html").write_text("<html>garbage</html>")
    failed = tiny.run(project, "--config", "baseline=old.html")
    assert failed.returncode != 0
    assert "error: the baseline old.html cannot be compared with" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert read_by_people(project) == before


def keeping_time(path: Path, content: bytes) -> None:
    """Another content of a file, as old as the one before."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def edit_unsealed(folder: Path) -> str:
    keeping_time(folder / "tables/coverage.csv", b"quantity\nfalse\n")
    tables.seal_file(folder / "tables/coverage.csv").unlink()
    return "tables/coverage.csv: is not as rule audit made it"


def edit_sealed(folder: Path) -> str:
    path = folder / "tables/coverage.csv"
    keeping_time(path, path.read_bytes().replace(b"0.9", b"0.8"))
    reseal(path)
    return "tables/coverage.csv: is not as rule audit made it"


def reseal(path: Path) -> None:
    seal = tables.seal_file(path)
    comment = seal.read_text().splitlines()[0]
    seal.write_text(f"{comment}\n{archives.digest(path)}  {path.name}\n")


def cut(folder: Path) -> str:
    path = folder / "tables/errors.csv"
    keeping_time(path, path.read_bytes()[:-40])
    return "tables/errors.csv: is not as rule aggregate made it"


def empty(folder: Path) -> str:
    keeping_time(folder / "tables/claims.csv", b"")
    return "tables/claims.csv: is not as rule judge made it"


def figure_with_script(folder: Path) -> str:
    path = folder / "figures/histograms.svg"
    script = b"<script>alert(1)</script></svg>"
    keeping_time(path, path.read_bytes().replace(b"</svg>", script))
    return "figures/histograms.svg: is not as rule figures made it"


def edited_page(folder: Path) -> str:
    keeping_time(folder / "report.html", b"<html>")
    return "report.html: is not as rule report made it"


def lost_record(folder: Path) -> str:
    (folder / "logs/audit.log").write_text("Traceback")
    return "tables/coverage.csv: there is no record"


def seal_alone(folder: Path) -> str:
    tables.seal_file(folder / "tables/models.csv").unlink()
    return "tables/models.csv: its seal differs, or is not there"


EDITS = [
    edit_unsealed,
    edit_sealed,
    cut,
    empty,
    figure_with_script,
    edited_page,
    lost_record,
    seal_alone,
]


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_not_as_it_was_made_is_told(project: Path, edit: Callable[[Path], str]) -> None:
    line = edit(project / RESULTS)
    found = told(project)
    assert any(line in one for one in found)
    assert "delete what is named and run again" in found[-1]


def test_results_of_another_config_than_was_asked_for_are_told(project: Path) -> None:
    (project / "other.yaml").write_text("root_seed: 7\n", encoding="utf-8")
    assert told(project, "--asked", tiny.CONFIGFILE) == []
    found = told(project, "--asked", tiny.CONFIGFILE, "other.yaml")
    assert "results/notebook has the results of another config" in found[0]


def test_a_page_of_edited_results_says_so_and_another_run_mends_it(project: Path) -> None:
    folder = project / RESULTS
    edit_sealed(folder)
    os.utime(folder / "tables/coverage.csv")
    assert tiny.run(project).returncode == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Do not trust this page" in page
    assert "tables/coverage.csv: is not as rule audit made it" in page
    assert told(project)
    (folder / "tables/coverage.csv").unlink()
    (folder / "figures/histograms.svg").unlink()
    assert tiny.run(project).returncode == 0
    assert told(project) == []
    assert "Do not trust this page" not in (folder / "report.html").read_text(encoding="utf-8")
