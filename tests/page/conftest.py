"""The page as a browser sees it: a small run with every section, opened in Chromium once."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from irm_bench.publishing import shelf, site
from tests.unit import report_case
from tests.unit.report_case import ROOT, Case

HERE = Path(__file__).parent
TOOLS = ROOT / "node_modules"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
VIEWS = ("light", "dark", "phone", "small, dark", "no scripts")


def need(what: str, is_there: object) -> None:
    """Skip where a tool is missing; fail where IRM_BENCH_REQUIRE_PAGE is set."""
    if not is_there:
        message = f"needs {what}"
        if os.environ.get("IRM_BENCH_REQUIRE_PAGE"):
            pytest.fail(message)
        pytest.skip(message)


def node(*arguments: str | Path, text: str = "", **environment: str) -> Any:
    """What a Node program prints as JSON."""
    need("Node", shutil.which("node"))
    done = subprocess.run(
        ["node", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def look_at(page: Path, **environment: str) -> dict[str, Any]:
    """What ``check.mjs`` sees of a page in Chromium, by view."""
    need("Chromium", Path(CHROMIUM).exists())
    need("the Node tools (npm ci)", (TOOLS / "puppeteer-core").exists())
    return dict(node(HERE / "check.mjs", page, AXE="1", CHROMIUM=CHROMIUM, **environment))


def html_errors(page: Path) -> str:
    """What the validator of HTML has to say of a page; nothing of a good one."""
    jar = TOOLS / "vnu-jar/build/dist/vnu.jar"
    need("Java", shutil.which("java"))
    need("the Node tools (npm ci)", jar.exists())
    command = ["java", "-jar", str(jar), "--errors-only", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not done.stderr:
        return f"status {done.returncode}"
    return done.stderr


def assert_quiet(seen: dict[str, Any]) -> None:
    """A view asks for nothing, says nothing, breaks no rule of access, and fits its window."""
    assert seen["requests"] == []
    assert seen["console"] == []
    assert seen["violations"] == []
    assert seen["overflow"] <= 0
    assert seen["wide"] == []


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return report_case.build(tmp_path_factory.mktemp("page"))


def in_site(page: str) -> str:
    """A page with the header of a site of several books."""
    books = ["field", "irm_paper", "notebook", "unit_tests", "a_book_of_a_long_name"]
    return page.replace(site.HEADER, shelf.header("notebook", books), 1)


@pytest.fixture(scope="session")
def page_file(case: Case) -> Path:
    """The page of a site on disk, with a section on what changed since a former page."""
    former = case.figures.parent / "former.html"
    former.write_text(case.render(), encoding="utf-8")
    file = case.figures.parent / "whole.html"
    file.write_text(in_site(case.render(baseline=former)), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def seen(page_file: Path) -> dict[str, Any]:
    return look_at(page_file)
