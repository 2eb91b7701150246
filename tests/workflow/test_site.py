"""The commands that follow a run, for a book of the project and one elsewhere."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow import tiny, warm
from tests.workflow.conftest import ROOT

BOOKS = {"notebook": "notebook", "my_book": "../my_book"}


def command(project: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [warm.python(), "-m", f"irm_bench.publishing.{name}", *arguments],
        cwd=project,
        env=tiny.surroundings(project),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def project(with_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the results of two books, with what stands beside them in a clone."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(with_book.parent, folder, dirs_exist_ok=True, symlinks=True)
    for name in ("CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / name, folder / with_book.name)
    return folder / with_book.name


@pytest.fixture(scope="module")
def site(project: Path) -> Path:
    done = command(project, "site", "site")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "my_book, notebook" in done.stdout
    return project / "site"


def test_every_link_of_the_first_page_leads_somewhere(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^":#]+)(?:#([\w-]+))?"', page))
    pages = {f"{book}/index.html" for book in BOOKS}
    assert {path for path, _ in links} == {*pages, "index.html", "feed.xml"}
    for path, anchor in links:
        text = (site / path).read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in text, (path, anchor)


def test_every_page_leads_to_the_shelf_and_the_other_books(site: Path) -> None:
    for folder in (site, *(site / book for book in BOOKS)):
        text = (folder / "index.html").read_text(encoding="utf-8")
        header = re.search(r'<nav class="site".*?</nav>', text, flags=re.DOTALL)
        assert header
        links = re.findall(r'href="([^"#]+)(?:#([\w-]+))?"', header[0])
        there = {(folder / path).resolve() for path, _ in links}
        pages = {site / "index.html", *(site / book / "index.html" for book in BOOKS)}
        assert there == {path.resolve() for path in (*pages, site / "feed.xml")}
        for path, anchor in links:
            assert not anchor or f'id="{anchor}"' in (folder / path).read_text(encoding="utf-8")
        current = re.findall(r'href="([^"]+)" aria-current="page"', header[0])
        assert [(folder / path).resolve() for path in current] == [
            (folder / "index.html").resolve()
        ]


def test_a_page_alone_leads_to_no_other_file(project: Path) -> None:
    for book in BOOKS:
        text = (project / f"results/{book}/report.html").read_text(encoding="utf-8")
        assert 'class="site"' not in text
        links = re.findall(r'<a [^>]*href="([^"]*)"', text)
        assert links
        assert all(link.startswith(("#", "data:", "http")) for link in links)


def test_the_first_page_tells_the_answer_and_every_claim(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    for book in BOOKS:
        text = (site / book / "index.html").read_text(encoding="utf-8")
        answer = re.search(r'<strong id="in-short">(.*?)</strong>', text, flags=re.DOTALL)
        assert answer
        words = re.sub(r"<[^>]+>|\s|\u2060|&#8288;", "", answer[1])
        assert words in re.sub(r"\s", "", page)
        claims = set(re.findall(r'id="(claim-[\w-]+)"', text))
        assert claims == set(re.findall(rf'href="{book}/index\.html#(claim-[\w-]+)"', page))


def test_the_feed_is_xml_with_a_version(site: Path) -> None:
    root = ElementTree.fromstring((site / "feed.xml").read_text(encoding="utf-8"))
    assert root.findall("{http://www.w3.org/2005/Atom}entry")


def test_the_first_page_has_the_errors_of_the_tables(project: Path, site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    summary = pd.read_csv(project / "results/my_book/tables/summary.csv", keep_default_na=False)
    is_error = (summary["quantity"] == "mse") & (summary["ci_method"] == "t")
    is_plain = (summary["split"] == "test") & (summary["selection"] == "")
    is_own = (summary["study"] == "measured") & (summary["method"] == "anchor")
    mean = summary[is_error & is_plain & is_own]["mean"].astype(float).mean()
    table = page[page.index('id="table-matrix"') :]
    methods = re.findall(r'<th scope="col" class="n">(.*?)</th>', table)
    row = re.search(r'<tr><th scope="row">my book: measured \(mse\)</th>(.*?)</tr>', table)
    assert row
    cells = re.findall(r"<td.*?</td>", row[1])
    found = cells[methods.index("anchor regression")]
    cell = re.search(r'href="my_book/index\.html#study-measured">([\d.]+)<', found)
    assert cell
    assert float(cell[1]) == pytest.approx(mean, rel=0.005)


@pytest.mark.parametrize("book", BOOKS)
def test_every_book_has_its_page_files_and_their_description(site: Path, book: str) -> None:
    folder = site / book
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"index.html", "provenance.json", "tables/summary.csv", "tables/README.md"} <= files
    graph = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    assert {e["@id"] for e in graph if e["@type"] == "File"} == files - {"ro-crate-metadata.json"}
    columns = (folder / "tables/README.md").read_text(encoding="utf-8")
    assert ("`beta`" in columns) == (book == "my_book")  # a parameter of V-REx


@pytest.mark.parametrize("book", BOOKS)
def test_a_published_run_is_verified_and_a_change_is_found(project: Path, book: str) -> None:
    named = BOOKS[book]
    assert command(project, "publish", named).returncode == 0
    assert (project / f"results/published/{book}/about.json").exists()
    same = command(project, "verify", named)
    assert same.returncode == 0, same.stdout + same.stderr
    assert re.search(r"(\d+) of \1 tables to the bit", same.stdout)
    table = project / f"results/{book}/tables/claims.csv"
    before = table.read_bytes()
    table.write_bytes(re.sub(rb"supported|refuted|inconclusive", b"doubted", before))
    try:
        changed = command(project, "verify", named)
    finally:
        table.write_bytes(before)
    assert changed.returncode == 1
    assert "differs from the published one: claims" in changed.stdout
