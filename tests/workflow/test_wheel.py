"""A wheel, alone in an empty folder, runs a book: everything that runs is inside."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.workflow.conftest import ROOT

CODE = """\
import irm_bench, pathlib
assert {folder!r} in irm_bench.__file__, irm_bench.__file__
small = dict(seeds=2, steps=50, n_samples=60, n_test_samples=60)
tables = irm_bench.run("notebook", folder="out", report=True, progress=False, **small)
assert len(tables["models"]) > 100
assert "What the notebook concludes" in pathlib.Path("out/report.html").read_text("utf-8")
"""


def run(*command: str, cwd: Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


def test_an_installed_wheel_runs_a_book(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(
        *(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", str(tmp_path), str(ROOT)),
        cwd=tmp_path,
    )
    (wheel,) = tmp_path.glob("*.whl")
    alone = tmp_path / "alone"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(alone)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # -P: not the folder that it is run in, and so not the checkout
    code = CODE.format(folder=str(alone))
    run(sys.executable, "-P", "-c", code, cwd=elsewhere, PYTHONPATH=str(alone))
