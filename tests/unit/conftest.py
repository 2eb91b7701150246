"""Fixtures that the unit tests share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.conftest import once
from tests.unit import books, report_case


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> report_case.Case:
    """A small run of every study that the page knows, its figures drawn; not to be changed."""
    made = once(tmp_path_factory, "report_case", report_case.build)
    # a copy for every worker, who writes its pages beside the figures
    folder = tmp_path_factory.mktemp("report") / "case"
    return report_case.of(shutil.copytree(made, folder))


@pytest.fixture(scope="session", autouse=True)
def _no_power_cut() -> Iterator[None]:
    """Files are not forced to the disk, file by file: no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture
def book(tmp_path: Path) -> books.WrittenBook:
    """A book in a folder of its own, with the plugins of ``books.py``."""
    return books.create(tmp_path)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As jobs run: for so few rows more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
