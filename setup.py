"""Puts what the page is made of beside the modules of a built package; pyproject.toml has the rest.

In a checkout, and in an editable installation of one, these files are read where they stand.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("report", "CITATION.cff", "LICENSE")


class BuildWithPage(build_py):
    """Copies the parts into ``irm_bench/_page``."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        page = Path(self.build_lib) / "irm_bench" / "_page"
        shutil.rmtree(page, ignore_errors=True)
        page.mkdir()
        for name in PARTS:
            copy = shutil.copytree if Path(name).is_dir() else shutil.copyfile
            copy(name, page / name)


setup(cmdclass={"build_py": BuildWithPage})
