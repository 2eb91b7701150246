"""The page of a book that is a config alone, in a browser: as valid and accessible as any."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import CHROMIUM, HERE, TOOLS, VIEWS, need, node
from tests.unit import chapter_case


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # the longest tables are like the others, and take a browser long to look through
    return chapter_case.page_of(tmp_path_factory.mktemp("any"), without="large")


@pytest.fixture(scope="module")
def seen(page_file: Path) -> dict[str, Any]:
    need("Chromium", Path(CHROMIUM).exists())
    need("the Node tools (npm ci)", (TOOLS / "puppeteer-core").exists())
    return node(HERE / "check.mjs", page_file, AXE="1", CHROMIUM=CHROMIUM)


def test_the_html_has_no_errors(page_file: Path) -> None:
    jar = TOOLS / "vnu-jar/build/dist/vnu.jar"
    need("Java", shutil.which("java"))
    need("the Node tools (npm ci)", jar.exists())
    command = ["java", "-jar", str(jar), "--errors-only", str(page_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_quiet_and_fits_its_window(seen: dict[str, Any], view: str) -> None:
    assert seen[view]["requests"] == []
    assert seen[view]["console"] == []
    assert seen[view]["violations"] == []
    assert seen[view]["overflow"] <= 0
    assert seen[view]["wide"] == []
