"""Any valid config of the notebook's book ends in a page, whatever it lacks and however it runs."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from irm_bench import config, library
from irm_bench.storage import archives
from tests.unit import any_config

# What a number that does not exist would look like if a template did not see to it.
HOLES = re.compile(r"\b(nan|NaN|None|inf|Undefined)\b")


@settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(raw=any_config.configs())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers of runs that diverge
def test_any_valid_config_ends_in_a_page(
    raw: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives.os, "fsync", lambda handle: None)  # no power cut is tested here
    parsed = config.parse(config.laid_over(raw))
    library.run_stages(parsed, tmp_path, report=True)
    assert not holes(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for study in parsed.studies:
        assert study.name in page
    shutil.rmtree(tmp_path)


def holes(path: Path) -> list[str]:
    """Numbers that do not exist, in what a reader sees of a page: its data are left out."""
    page = path.read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    seen = re.sub(r"<(script|style|template|svg)\b.*?</\1>", " ", body, flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", seen)
    assert "Where every number comes from" in words
    return HOLES.findall(words)
