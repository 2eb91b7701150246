"""The page is its own data package."""

import json
from pathlib import Path

import pytest

from irm_bench.report import __main__ as command
from irm_bench.report import bundle
from irm_bench.report.page import without_run
from irm_bench.storage import tables
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
