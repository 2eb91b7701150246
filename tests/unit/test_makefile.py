"""The commands of the Makefile, without running them."""

import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_names_of_files_may_have_spaces() -> None:
    """Each stays one word of the commands that it is handed to."""
    names = ["CONFIG=my tiny.yaml", "BASELINE=old page.html", "BOOK=my books/one"]
    done = subprocess.run(
        ["make", "--dry-run", "report", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    checks, runs = (
        shlex.split(line)
        for line in done.stdout.splitlines()
        if "irm_bench.config" in line or "--configfile" in line
    )
    assert checks[-2:] == ["my books/one", "my tiny.yaml"]
    assert runs[-2:] == ["--configfile", "my tiny.yaml"]
    assert {"book=my books/one", "baseline=old page.html"} <= set(runs)
