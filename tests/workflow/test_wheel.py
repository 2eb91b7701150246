"""A wheel, installed alone in an empty folder, runs a book and makes its page."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT

NEEDED = (
    *("irm_bench", "report", "pyproject.toml", "setup.py", "MANIFEST.in"),
    *("CITATION.cff", "LICENSE", "README.md"),
)
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
RUN = """\
import sys
import irm_bench
heavy = {"torch", "pandas", "numpy", "matplotlib"} & set(sys.modules)
assert not heavy, f"import irm_bench loads {heavy}"
small = {"n_samples": 60, "n_test_samples": 60, "steps": 60, "trajectories": True}
config = {"audit": {"replicates": 20, "seed_counts": [5]}}
kept = {"folder": "kept", "report": True, "progress": False}
found = irm_bench.run("notebook", studies=["notebook"], seeds=2, config=config, **kept, **small)
print(irm_bench.__file__)
print(len(found["models"]), found["models"]["seed"].nunique(), found.page)
"""


def run(*command: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the project, built without a network."""
    source = tmp_path_factory.mktemp("source")
    for name in NEEDED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    folder = tmp_path_factory.mktemp("wheel")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")
    run(*PIP, *build, folder=source)
    return next(folder.glob("*.whl"))


def test_every_file_of_the_package_and_of_the_page_is_inside(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    wanted = {f"irm_bench/_page/{name}" for name in ("CITATION.cff", "LICENSE")}
    for folder, place in ((ROOT, "irm_bench"), (ROOT, "report")):
        for path in (folder / place).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(ROOT).as_posix()
                wanted.add(name if place == "irm_bench" else f"irm_bench/_page/{name}")
    assert inside == wanted


def test_installed_alone_it_runs_a_book_and_writes_its_page(wheel: Path, tmp_path: Path) -> None:
    alone, empty = tmp_path / "alone", tmp_path / "empty"
    empty.mkdir()
    install = ("install", "--no-deps", "--no-index", "--target", str(alone), str(wheel))
    run(*PIP, *install, folder=empty)
    place, counts = run(sys.executable, "-c", RUN, folder=empty, PYTHONPATH=str(alone)).splitlines()
    assert Path(place).is_relative_to(alone)
    n_models, n_seeds, page = counts.split()
    assert int(n_models) == 10
    assert n_seeds == "2"
    text = (empty / page).read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>")
    assert "@misc{irm_bench," in text  # how to cite is inside too
    assert {path.name for path in empty.iterdir()} == {"kept"}
