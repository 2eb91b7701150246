"""The page is its own data package."""

import base64
import contextlib
import hashlib
import json
import lzma
import re
import time
from pathlib import Path
from typing import Any

import pytest

from irm_bench.report import __main__ as command
from irm_bench.report import bundle, changes
from irm_bench.report.page import without_run
from irm_bench.storage import tables
from irm_bench.storage.tables import TableError
from tests.unit.report_case import Case


@pytest.fixture(scope="module")
def page(case: Case) -> str:
    return case.render()


def test_every_table_comes_back_byte_for_byte(case: Case, page: str, tmp_path: Path) -> None:
    assert bundle.extract(page, tmp_path) == []
    wanted = {path.name: path.read_bytes() for path in case.tables.glob("*.csv")}
    assert set(wanted) == {f"{name}.csv" for name in tables.contracts(case.config)}
    assert {p.name: p.read_bytes() for p in (tmp_path / "tables").iterdir()} == wanted


def test_the_data_of_every_figure_come_back(case: Case, page: str, tmp_path: Path) -> None:
    bundle.extract(page, tmp_path)
    for name in case.config.figures:
        wanted = (case.figures / f"{name}.csv").read_bytes()
        assert (tmp_path / f"figures/{name}.csv").read_bytes() == wanted


def test_config_and_provenance_are_in_it(case: Case, page: str, tmp_path: Path) -> None:
    bundle.extract(page, tmp_path)
    found = json.loads((tmp_path / "package.json").read_text(encoding="utf-8"))
    facts = found["provenance"]
    assert facts["config_hash"] == case.config.results_hash
    assert facts["config"]["studies"] == case.config.resolved["studies"]
    assert {"code", "packages", "lock", "seeds"} <= set(facts)
    assert "host" not in json.dumps(facts)  # of the run alone: outside of what is always the same
    assert '"host"' in page
    assert '"host"' not in without_run(page)


def test_the_command_says_where_the_files_are(
    case: Case, page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    assert command.main(["extract", str(tmp_path / "page.html"), str(tmp_path / "out")]) == 0
    assert str(tmp_path / "out") in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "<html>", '<script id="data-package">{}</script>'])
def test_what_is_no_page_is_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert command.main(["extract", str(tmp_path / "page.html"), str(tmp_path / "out")]) == 1
    assert "not a page of this project" in capsys.readouterr().err


def write(folder: Path, **contents: bytes) -> list[str]:
    for name, content in contents.items():
        (folder / f"{name}.csv").write_bytes(content)
    return list(contents)


def pack(folder: Path, names: list[str], room: int) -> list[bundle.Item]:
    with bundle.Press(folder, names, first=("claims",)) as press:
        return press.pack(room)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    noise = b"x\n" + bytes(range(10, 256)) * 40
    names = write(tmp_path, errors=noise, claims=b"x\n1\n", models=b"x\n2\n3\n")
    items = {item.name: item for item in pack(tmp_path, names, room=400)}
    assert [name for name, item in items.items() if item.is_embedded] == ["claims", "models"]
    assert sum(len(item.data) for item in items.values()) <= 400
    assert items["errors"].size == len(noise)
    assert items["models"].rows == 2
    assert items["models"].content() == b"x\n2\n3\n"


def test_what_is_begun_early_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = write(tmp_path, errors=b"x\n" + b"1\n" * 99, claims=b"x\n1\n", models=b"x\n2\n3\n")
    early = pack(tmp_path, names, room=400)
    monkeypatch.setattr(bundle, "SURE_RATIO", 0)
    assert pack(tmp_path, names, room=400) == early


def page_of(items: list[bundle.Item]) -> str:
    text = bundle.as_json(items, {"title": "</script><b>"})
    return f'<script type="application/json" id="data-package">{text}</script>'


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    (item,) = pack(tmp_path, write(tmp_path, claims=b"x\n1\n"), room=1000)
    other = bundle.Item(item.name, item.rows, item.size, "0" * 64, item.data)
    for bad in (other, bundle.Item(item.name, 1, 4, item.sha256, item.data[:-8])):
        with pytest.raises(bundle.PackageError, match="claims"):
            bundle.extract(page_of([bad]), tmp_path / "out")


def test_a_hostile_package_writes_nowhere_else(tmp_path: Path) -> None:
    (item,) = pack(tmp_path, write(tmp_path, claims=b"x\n1\n"), room=1000)
    bad = bundle.Item("../../evil", item.rows, item.size, item.sha256, item.data)
    with pytest.raises(bundle.PackageError, match="no name of a table"):
        bundle.extract(page_of([bad]), tmp_path / "out")


def test_texts_do_not_end_the_element() -> None:
    page = page_of([])
    assert page.count("</script>") == 1
    assert bundle.read(page)["title"] == "</script><b>"


def odd_page(**table: Any) -> str:
    """A page with a package of one table, told as given."""
    content = b"a\n1\n"
    told = {
        "name": "models",
        "rows": 1,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "data": base64.b64encode(lzma.compress(content)).decode(),
    }
    package = {"format": bundle.FORMAT, "tables": [told | table]}
    return bundle.BEGINS + json.dumps(package) + bundle.ENDS


def bomb(size: int) -> dict[str, Any]:
    """A table of nothing but zeros, which are packed to almost nothing."""
    zeros = bytes(size)
    data = base64.b64encode(lzma.compress(zeros, preset=0)).decode()
    return {"data": data, "sha256": hashlib.sha256(zeros).hexdigest()}


FOREIGN: dict[str, tuple[str, str]] = {
    "not closed": (bundle.BEGINS + "{}", "not a page of this project"),
    "no JSON": (bundle.BEGINS + "{" + bundle.ENDS, "its package is damaged"),
    "too deep": (bundle.BEGINS + "[" * 100_000 + bundle.ENDS, "its package is damaged"),
    "a list": (bundle.BEGINS + "[1]" + bundle.ENDS, "not a page of this project"),
    "no tables": (
        bundle.BEGINS + json.dumps({"format": bundle.FORMAT}) + bundle.ENDS,
        "its list of tables is malformed",
    ),
    "another key": (odd_page(more=1), "its list of tables is malformed"),
    "a number for a name": (odd_page(name=1), "its table 1 is malformed"),
    "a way out of the folder": (odd_page(name="../../x"), "has no name"),
    "control characters": (odd_page(name="\x1b[2J"), "has no name"),
    "no checksum": (odd_page(sha256="\x1b[2J"), "or no checksum"),
    "another checksum": (odd_page(sha256="0" * 64), "does not fit its checksum"),
    "not packed": (odd_page(data="abcd"), "'models' of the page is damaged"),
    "less than no bytes": (odd_page(size=-1), "less than no bytes"),
    "more than it says": (odd_page(**bomb(10**8)), "does not fit its checksum"),
    "more than any page": (odd_page(size=10**10), "10,000,000,000 bytes"),
}


@pytest.mark.parametrize(("text", "words"), FOREIGN.values(), ids=FOREIGN)
def test_a_malformed_package_is_told_in_one_line_and_leaves_no_file(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    started = time.process_time()
    assert command.main(["extract", str(tmp_path / "page.html"), str(tmp_path / "out")]) == 1
    assert time.process_time() - started < 1
    told = capsys.readouterr().err
    assert words in told
    assert told.rstrip("\n").isprintable()
    assert not (tmp_path / "out").exists()
    with pytest.raises(TableError, match=r"^the baseline [^\n]*$"):
        changes.load(tmp_path / "page.html")


@pytest.mark.parametrize(
    "piece",
    [
        bundle.BEGINS,
        'data-file="figures/a.csv" href="data:',
        'data-file="figures/a.csv" href="data:,',
    ],
)
def test_a_page_of_nothing_but_beginnings_takes_no_time(piece: str) -> None:
    page = odd_page().join([piece * (10**6 // len(piece))] * 2)
    started = time.process_time()
    with contextlib.suppress(bundle.PackageError):
        bundle.read(page)
    bundle.LINK.findall(page)
    assert time.process_time() - started < 1


def test_a_file_larger_than_any_page_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with path.open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(bundle.PackageError, match="10,000,000,000 bytes"):
        bundle.open_page(path)


def test_the_policy_of_a_page_names_its_one_script(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert "script-src 'unsafe-inline'" not in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = [hashlib.sha256(text.encode()).digest() for text in scripts]
    names = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    assert re.search(r"script-src ([^;]*);", policy[1])[1].split() == names  # type: ignore[index]
