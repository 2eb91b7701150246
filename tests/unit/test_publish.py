"""The published run, the comparison with it, and the site."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from irm_bench.publishing import crate, publish, shelf, site, verify
from irm_bench.running import provenance
from irm_bench.storage import archives, block_sums, comparison
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


def test_a_published_run_that_cannot_be_read_is_told_in_the_page(
    case: Case, published: Path, tmp_path: Path
) -> None:
    kept = Path(shutil.copytree(published, tmp_path / "published"))
    garbage(kept / "about.json")
    page = case.render(replace(case.config, figures=()), published=kept)
    assert "about.json" in page
    assert "cannot be read" in page


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


def test_the_page_finds_what_verify_finds(case: Case, published: Path, tmp_path: Path) -> None:
    """Though it does not make again the sums of tables that are the published ones."""

    def shift(frame: pd.DataFrame) -> None:
        frame["mse"] *= 1 + 1e-4

    other = report_case.altered(case, tmp_path, "errors", shift)
    for fresh in (case.tables, other):
        found = comparison.compare(fresh, published)
        assert comparison.compare(fresh, published, sums_again=False) == found
        assert all(one.n_values for one in found)


def test_another_shape_and_a_missing_table_are_told(
    case: Case, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lengthen(frame: pd.DataFrame) -> None:
        frame.loc[len(frame)] = frame.iloc[-1]

    folder = report_case.altered(case, tmp_path, "claims", lengthen)
    (folder / "starts.csv").unlink()
    assert verify.check(folder, published) == 1
    told = capsys.readouterr().out
    assert "claims: of another shape" in told
    assert "starts: not in the fresh run" in told


def changed(path: Path, old: str, new: str) -> None:
    """Replace the first of a text that is there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def retold(published: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a published run says of itself, and seal it again."""
    path = published / "about.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")
    comparison.seal(published)


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage\n")


# Changes to the folders of a fresh and of a published run, and the line that tells each.
Tamper = Callable[[Path, Path], object]
TAMPERED: dict[str, tuple[Tamper, str]] = {
    "a fresh table is garbage": (
        lambda fresh, _: garbage(fresh / "errors.csv"),
        "errors: not as it was written",
    ),
    "a fresh table is garbage, sealed": (
        lambda fresh, _: (garbage(fresh / "errors.csv"), sealed(fresh / "errors.csv")),
        "errors: of another shape",
    ),
    "a fresh table has lost its seal": (
        lambda fresh, _: (fresh / "models.csv.sha256").unlink(),
        "models: not as it was written",
    ),
    "a fresh table is empty": (
        lambda fresh, _: ((fresh / "claims.csv").write_bytes(b""), sealed(fresh / "claims.csv")),
        "claims: cannot be read",
    ),
    "a fresh table is of another config": (
        lambda fresh, _: changed(fresh / "claims.csv.sha256", "config ", "config 0"),
        "claims: of config 0",
    ),
    "a fresh table too many": (
        lambda fresh, _: (fresh / "more.csv").write_text("a\n1\n"),
        "more: not in the published run",
    ),
    "a changed checksum": (
        lambda _, published: changed(published / "about.json", '"models": "', '"models": "0'),
        "about.json: is not as it was published",
    ),
    "a changed checksum of a kept table, sealed": (
        lambda _, published: retold(published, lambda told: told["tables"].update(claims="0")),
        "claims: its published file is not the one",
    ),
    "a changed checksum among the seals": (
        lambda _, published: changed(
            published / comparison.SEALS, "  tables/claims", "0  tables/cl"
        ),
        "tables/claims.csv: has no checksum",
    ),
    "no seals": (
        lambda _, published: (published / comparison.SEALS).unlink(),
        "about.json: has no checksum",
    ),
    "an empty list of tables": (
        lambda _, published: retold(published, lambda told: told["tables"].clear()),
        "models: not in the published run",
    ),
    "no list of tables": (
        lambda _, published: retold(published, lambda told: told.pop("tables")),
        "about.json: cannot be read",
    ),
    "another config's hash": (
        lambda _, published: retold(published, lambda told: told.update(config_hash="other")),
        "published is one of config other",
    ),
    "an about that is no JSON": (
        lambda _, published: garbage(published / "about.json"),
        "about.json: cannot be read",
    ),
    "a deleted published table": (
        lambda _, published: (published / "tables/starts.csv").unlink(),
        "tables/starts.csv: published, and not there",
    ),
    "a deleted published table, sealed": (
        lambda _, published: (
            (published / "tables/starts.csv").unlink(),
            comparison.seal(published),
        ),
        "starts: nothing of it is published",
    ),
    "deleted sums": (
        lambda _, published: (published / "tables/models.sums.csv").unlink(),
        "models: nothing of it is published",
    ),
    "flipped verdicts": (
        lambda _, published: changed(published / "tables/claims.csv", "inconclusive", "supported"),
        "claims: its published file is not the one",
    ),
    "a changed eighth digit": (
        lambda _, published: shift_digit(published / "tables/trajectory_summary.csv"),
        "trajectory_summary: its published file is not the one",
    ),
    "changed sums, sealed": (
        lambda _, published: (
            changed(published / "tables/models.sums.csv", "\n0,", "\n1,"),
            comparison.seal(published),
        ),
        "models: its published sums are not those of its checksum",
    ),
    "a packed table that is cut": (
        lambda _, published: cut_short(published / "tables/summary.csv.xz"),
        "summary: cannot be read",
    ),
    "a changed figure": (
        lambda _, published: garbage(published / "figures/risk_over_sigma.svg"),
        "figures/risk_over_sigma.svg: is not as it was published",
    ),
    "a published file too many": (
        lambda _, published: garbage(published / "tables/more.csv"),
        "tables/more.csv: has no checksum",
    ),
}


def sealed(path: Path) -> None:
    """Seal a changed table as if it had been written so."""
    of_config = Path(f"{path}.sha256").read_text(encoding="utf-8").splitlines()[0]
    seal = f"{of_config}\n{archives.digest(path)}  {path.name}\n"
    Path(f"{path}.sha256").write_text(seal, encoding="utf-8")


def shift_digit(path: Path) -> None:
    """Change the eighth digit of the first number that has as many."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"0\.\d{8,}", text)
    assert found
    digit = "1" if found[0][9] != "1" else "2"
    place = found.start() + 9
    path.write_text(text[:place] + digit + text[place + 1 :], encoding="utf-8")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(("tamper", "told"), TAMPERED.values(), ids=TAMPERED)
def test_whatever_is_changed_in_either_run_is_told(
    case: Case,
    published: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tamper: Tamper,
    told: str,
) -> None:
    fresh = Path(shutil.copytree(case.tables, tmp_path / "fresh"))
    kept = Path(shutil.copytree(published, tmp_path / "published"))
    tamper(fresh, kept)
    assert verify.check(fresh, kept) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(told) or (told in line) for line in lines[:-1])
    assert lines[-1].startswith("error: ")


def test_other_bits_of_a_large_table_are_compared_by_its_sums(
    case: Case, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def times(factor: float, folder: str) -> Path:
        def change(frame: pd.DataFrame) -> None:
            frame["mse"] *= factor

        return report_case.altered(case, tmp_path / folder, "errors", change)

    assert verify.check(times(1 + 1e-9, "near"), published) == 0
    assert "sums over its rows the same" in capsys.readouterr().out
    assert verify.check(times(1 + 1e-3, "far"), published) == 1
    assert "differs from the published one: errors" in capsys.readouterr().out


def test_a_published_table_without_rows_is_what_such_a_table_gives(tmp_path: Path) -> None:
    """Of the books, ``field`` trains nothing, and has two."""
    found = 0
    for path in sorted((ROOT / "results/published").glob("*/tables/*.sums.csv")):
        kept = path.read_text(encoding="utf-8").splitlines()
        columns = kept[0].removeprefix("first_row,n_rows,")
        if kept[1].startswith("0,0,"):
            empty = tmp_path / "empty.csv"
            empty.write_text(f"{columns}\n", encoding="utf-8")
            assert block_sums.of_table(empty).to_csv(index=False).splitlines() == kept
            found += 1
    assert found >= 2


@pytest.mark.parametrize("place", [0, 1500, 2999])
def test_sums_of_blocks_do_not_hang_on_what_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Of a column of what look like numbers, but for one value, at once or a block at a time."""
    texts = [f"{i}e3" for i in range(3000)]
    texts[place] = "text"
    path = tmp_path / "made.csv"
    pd.DataFrame({"t": texts, "x": pd.Series(range(3000)) / 7}).to_csv(path, index=False)
    at_once = block_sums.of_table(path)
    monkeypatch.setattr(block_sums, "CHUNK", block_sums.BLOCK)
    pd.testing.assert_frame_equal(block_sums.of_table(path), at_once)


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


PUBLISHED = sorted(path.parent for path in ROOT.glob("results/published/*/about.json"))


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_a_published_run_of_the_project_is_whole(folder: Path) -> None:
    told = comparison.about(folder)
    lines = (folder / comparison.SEALS).read_text(encoding="utf-8").splitlines()
    digests = {path: digest for digest, path in (line.split("  ") for line in lines)}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == {*digests, comparison.SEALS}
    for path, digest in digests.items():
        assert archives.digest(folder / path) == digest
        name = Path(path).stem
        if path.endswith(".csv") and name in told["tables"]:
            assert digest == told["tables"][name]


def header_of(page: str) -> dict[str, tuple[str, bool]]:
    """Of the header of a site's page: its links by their words, and whether each is the current."""
    found = re.search(r'<nav class="site".*?</nav>', page, flags=re.DOTALL)
    assert found
    links = re.findall(r'<a href="([^"]+)"( aria-current="page")?>([^<]+)</a>', found[0])
    return {words: (href, bool(current)) for href, current, words in links}


def test_every_page_of_a_site_has_the_same_header(results: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first_book", "second")]
    for folder in folders:
        shutil.copytree(results, folder)
    first = header_of(shelf.render(folders))
    names = [folder.name for folder in folders]
    for folder in folders:
        own = header_of(shelf.header(folder.name, names))
        assert list(own) == list(first)
        assert {words: href for words, (href, _) in own.items()} == {
            words: f"../{href}" for words, (href, _) in first.items()
        }
        current = [words for words, (_, is_current) in own.items() if is_current]
        assert current == [folder.name.replace("_", " ")]
    assert [words for words, (_, is_current) in first.items() if is_current] == ["The shelf"]


def test_both_kinds_of_page_have_one_stylesheet(results: Path) -> None:
    own = (ROOT / "report/style.css").read_text(encoding="utf-8")
    assert own in shelf.render([results])
    assert own in (results / "report.html").read_text(encoding="utf-8")


def test_the_site_is_whole_and_described(results: Path, case: Case, tmp_path: Path) -> None:
    pytest.importorskip("rocrate")
    paths = site.run(results, tmp_path)
    first = (tmp_path / crate.FILE).read_bytes()
    page = (results / "report.html").read_text(encoding="utf-8")
    assert site.HEADER in page
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == page.replace(site.HEADER, "")
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
