"""Fixtures that several test files share, and how workers share the tests."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling


class ByFile(LoadScopeScheduling):
    """Keeps the tests of a file, which share fixtures, on one worker, unless it is spread."""

    def _split_scope(self, nodeid: str) -> str:
        """What is done by one worker: a file, or of a file that is spread a test."""
        path = nodeid.split("::")[0]
        return nodeid if _is_spread(Path(self.config.rootpath) / path) else path


@cache
def _is_spread(path: Path) -> bool:
    return "pytestmark = pytest.mark.spread" in path.read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """The option ``loadgroup`` would do, had pytest 9 not changed what it is built on."""
    return ByFile(config, log)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` has filled, by the first worker that asks for it."""
    place = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    folder, done = place / name, place / f"{name}.done"
    with FileLock(place / f"{name}.lock"):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
