"""Where the files of the project are that are no modules: in the checkout, or in the package."""

from pathlib import Path

from irm_bench.plugins.registry import PACKAGE

# What setup.py puts into an installed package.
INSTALLED = PACKAGE / "_page"


def project_file(name: str) -> Path:
    """A file or folder of the project's top level, e.g. ``report`` or ``CITATION.cff``."""
    folder = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
    return folder / name


def page_sources() -> Path:
    """The folder of the page's templates, stylesheet and scripts."""
    return project_file("report")
