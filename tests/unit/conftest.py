"""Fixtures that the unit tests share."""

import pytest

from tests.unit import report_case


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> report_case.Case:
    """A small run of every study that the page knows, its figures drawn; not to be changed."""
    return report_case.build(tmp_path_factory.mktemp("report"))
