"""Where the page's templates, stylesheet and scripts are: beside the package, or in it."""

from pathlib import Path

from irm_bench.plugins.registry import PACKAGE


def page_sources() -> Path:
    """The folder ``report/`` of a checkout, or the copy of it that an installed package holds."""
    installed = PACKAGE / "_page"
    return installed if installed.is_dir() else PACKAGE.parent / "report"
