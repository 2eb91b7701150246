"""What changed since a former page."""

import base64
import hashlib
import lzma
import re
from pathlib import Path

import pandas as pd
import pytest

from irm_bench.report import bundle, changes
from irm_bench.storage.tables import TableError
from tests.unit import report_case
from tests.unit.report_case import Case

ROW = {
    "study": "notebook",
    "method": "erm",
    "penalty": "",
    "quantity": "mse",
    "ci_method": "t",
    "mean": 1.0,
    "ci_low": 0.9,
    "ci_high": 1.1,
    "n_seeds": 4,
}


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([ROW | row for row in rows])


def test_values_that_moved_are_counted_and_ranked() -> None:
    before = frame({}, {"method": "irm"}, {"method": "oracle"}, {"method": "gone"})
    now = frame(
        {"mean": 1.05},
        {"method": "irm", "mean": 2.0, "ci_low": 1.9, "ci_high": 2.1},
        {"method": "oracle"},
        {"method": "new"},
    )
    pairs = changes.compare(before, now)
    counts = changes.overview(pairs).iloc[0]
    assert counts["compared"] == 3
    assert (counts["same"], counts["moved"], counts["apart"]) == (1, 2, 1)
    assert (counts["only_before"], counts["only_now"]) == (1, 1)
    assert counts["largest_in_intervals"] == pytest.approx(10)
    moves = changes.moves(pairs)
    assert list(moves["method"]) == ["irm", "erm"]
    assert list(moves["apart"]) == [True, False]
    assert moves["moved_by"].iloc[0] == pytest.approx(1.0)


def test_a_value_that_stays_missing_has_not_moved() -> None:
    gone = frame({"mean": float("nan"), "ci_low": float("nan"), "ci_high": float("nan")})
    assert changes.overview(changes.compare(gone, gone))["moved"].sum() == 0
    assert changes.overview(changes.compare(gone, frame({})))["moved"].sum() == 1


def test_verdicts_that_changed_are_marked() -> None:
    def claims(**verdicts: str) -> pd.DataFrame:
        rows = [{"claim": c, "title": c, "verdict": v, **ROW} for c, v in verdicts.items()]
        return pd.DataFrame(rows).assign(estimate=1.0)

    found = changes.verdicts(claims(a="supported", b="refuted"), claims(b="supported", c="refuted"))
    by_name = found.set_index("claim")
    assert by_name["is_changed"].all()
    assert by_name.loc["b", ["verdict_before", "verdict_now"]].tolist() == ["refuted", "supported"]
    assert by_name.loc["a", "verdict_now"] == ""
    assert by_name.loc["c", "verdict_before"] == ""


@pytest.fixture(scope="module")
def former(case: Case) -> Path:
    path = case.figures.parent / "former.html"
    path.write_text(case.without_figures(), encoding="utf-8")
    return path


def section(page: str) -> str:
    found = re.search(r'<section id="changes".*?</section>', page, flags=re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_the_same_run_has_not_moved(case: Case, former: Path) -> None:
    text = section(case.render(baseline=former))
    assert "none has moved by a single bit" in text
    assert "No verdict changed" in text
    assert "the same as this one" in text


def test_another_run_says_what_moved(case: Case, former: Path, tmp_path: Path) -> None:
    def raise_(summary: pd.DataFrame) -> None:
        summary.loc[summary["method"] == "erm", ["mean", "ci_low", "ci_high"]] *= 3

    def flip(claims: pd.DataFrame) -> None:
        claims.loc[0, "verdict"] = "refuted" if claims.loc[0, "verdict"] != "refuted" else "open"

    folder = report_case.altered(case, tmp_path / "a", "summary", raise_)
    other = report_case.Case(case.config, folder, case.figures)
    text = section(other.render(baseline=former))
    assert re.search(r"[1-9][\d,]* have moved", text)
    assert "apart" in text
    folder = report_case.altered(case, tmp_path / "b", "claims", flip)
    other = report_case.Case(case.config, folder, case.figures)
    assert f"1 of {len(case.config.claims)} verdicts changed" in section(
        other.render(baseline=former)
    )


def test_what_is_no_former_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("<html>", encoding="utf-8")
    for name in ("old.html", "none.html"):
        with pytest.raises(TableError, match=name):
            changes.load(tmp_path / name)


def test_what_an_old_page_lacks_or_has_alone_is_listed(case: Case, former: Path) -> None:
    old = changes.load(former)
    summary = old.frames["summary"]
    frames = {
        **old.frames,
        "summary": summary.assign(study="before", gone=1).drop(columns="sd"),
        "claims": old.frames["claims"].assign(claim="old_claim"),
    }
    items = [item for item in old.about["tables"] if item.name != "models"]
    baseline = changes.Baseline({**old.about, "tables": items, "provenance": "odd"}, frames)
    found = baseline.tables(old.frames, [*old.frames, "models"])["differences"]
    told = set(found.itertuples(index=False, name=None))
    assert {
        ("table", "models", "this page alone"),
        ("column", "summary.gone", "former page alone"),
        ("column", "summary.sd", "this page alone"),
        ("study", "before", "former page alone"),
        ("study", "notebook", "this page alone"),
        ("claim", "old_claim", "former page alone"),
    } <= told


# What a page of another time or place may have in place of its summary and claims.
ODD_FRAMES: dict[str, dict[str, pd.DataFrame]] = {
    "no table": {},
    "no rows": {"summary": frame({}).iloc[:0]},
    "other columns": {"summary": pd.DataFrame({"a": [1]}), "claims": pd.DataFrame({"b": ["x"]})},
    "other kinds": {"summary": pd.DataFrame({name: ["x", "x"] for name in changes.NEEDED})},
    "a key for all rows": {
        "summary": pd.DataFrame({name: [1.0] * 9 for name in changes.NEEDED}),
        "claims": pd.DataFrame({name: ["x"] * 9 for name in changes.OF_CLAIMS}),
    },
}


@pytest.mark.parametrize("frames", ODD_FRAMES.values(), ids=ODD_FRAMES)
def test_a_page_is_compared_with_any_former_one(
    case: Case, former: Path, frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    package = bundle.read(former.read_text(encoding="utf-8"))
    items = []
    for name, table in frames.items():
        content = table.to_csv(index=False).encode()
        data = base64.b64encode(lzma.compress(content)).decode()
        digest = hashlib.sha256(content).hexdigest()
        items.append(bundle.Item(name, len(table), len(content), digest, data))
    about = {name: package[name] for name in ("title",)}
    path = tmp_path / "old.html"
    text = bundle.as_json(items, about)
    path.write_text(bundle.BEGINS + text + bundle.ENDS, encoding="utf-8")
    assert "this page alone" in section(case.render(baseline=path))
