"""The published run, the comparison with it, and the site."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from irm_bench.publishing import crate, publish, site, verify
from irm_bench.running import provenance
from irm_bench.storage import archives, comparison
from tests.unit import report_case
from tests.unit.report_case import ROOT, Case


@pytest.fixture(scope="module")
def results(case: Case) -> Path:
    """The folder of a finished run."""
    folder = case.tables.parent
    (folder / "report.html").write_text(case.without_figures(), encoding="utf-8")
    provenance.write(case.config, folder, folder / "provenance.json")
    return folder


@pytest.fixture(scope="module")
def published(results: Path) -> Path:
    publish.run(results, results / "published")
    return results / "published"


def test_a_run_reproduces_itself_to_the_bit(
    case: Case, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.check(case.tables, published) == 0
    told = capsys.readouterr().out
    assert "models: same bits" in told
    assert "differs" not in told


def test_the_page_says_so(case: Case, published: Path) -> None:
    page = case.without_figures()
    assert 'id="published"' not in page
    page = case.render(replace(case.config, figures=()), published=published)
    assert "come out the same here, to the last bit" in page


def test_small_differences_are_within_tolerance_and_large_ones_are_not(
    case: Case, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shift(factor: float) -> Path:
        def change(frame: pd.DataFrame) -> None:
            frame["mean"] *= factor

        return report_case.altered(case, tmp_path / str(factor), "summary", change)

    assert verify.check(shift(1 + 1e-9), published) == 0
    assert "within tolerance" in capsys.readouterr().out
    assert verify.check(shift(1 + 1e-4), published) == 1
    assert "differs from the published one: summary" in capsys.readouterr().out


def test_another_shape_and_a_missing_table_are_told(
    case: Case, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = report_case.altered(case, tmp_path, "", lambda frame: None)
    lines = (folder / "claims.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "claims.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    (folder / "starts.csv").unlink()
    assert verify.check(folder, published) == 1
    told = capsys.readouterr().out
    assert "claims: of another shape" in told
    assert "starts: not in the fresh run" in told


def test_without_a_published_run_verify_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.check(tmp_path, tmp_path) == 1
    assert "holds no published run" in capsys.readouterr().err


def test_a_published_figure_is_a_picture_of_its_own(published: Path) -> None:
    root = ElementTree.fromstring(
        (published / "figures/risk_over_sigma.svg").read_text(encoding="utf-8")
    )
    assert root.get("width", "").endswith("pt")
    assert any(e.get("fill") == "#ffffff" for e in root.iter())


def test_the_published_run_of_the_project_is_whole() -> None:
    folder = ROOT / "results/published/notebook"
    if not (folder / "about.json").exists():
        pytest.skip("nothing is published yet")
    told = comparison.about(folder)
    for name in ("claims", "coverage", "histograms"):
        assert archives.digest(folder / f"tables/{name}.csv") == told["tables"][name]
    assert (folder / "figures/risk_over_sigma.svg").exists()


def test_the_site_is_whole_and_described(results: Path, case: Case, tmp_path: Path) -> None:
    pytest.importorskip("rocrate")
    paths = site.run(results, tmp_path)
    first = (tmp_path / crate.FILE).read_bytes()
    assert (tmp_path / "index.html").read_bytes() == (results / "report.html").read_bytes()
    for name in case.config.figures:
        assert {f"figures/{name}.{kind}" for kind in ("svg", "png", "csv")} <= set(paths)
    assert (tmp_path / "figures/histograms.png").read_bytes()[:4] == b"\x89PNG"
    graph = json.loads((tmp_path / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    files = {e["@id"]: e for e in graph if e["@type"] == "File"}
    assert set(files) == set(paths) - {"ro-crate-metadata.json"}
    for path, entity in files.items():
        assert entity["sha256"] == archives.digest(tmp_path / path)
        assert len(entity["description"]) > 5
    told = json.loads((results / "provenance.json").read_text(encoding="utf-8"))["results"]
    crate.write(case.config, told, tmp_path, paths[:-1])
    assert (tmp_path / crate.FILE).read_bytes() == first  # no clock in it
