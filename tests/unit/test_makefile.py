"""The commands of the Makefile, without running them."""

import os
import shlex
import subprocess
import sys
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


def test_its_commands_keep_what_python_has_compiled() -> None:
    """Also where the environment says not to: each process would compile all packages anew."""
    code = "import sys; print(sys.dont_write_bytecode)"
    done = subprocess.run(
        ["make", f"--eval=told: ; @{shlex.quote(sys.executable)} -c {shlex.quote(code)}", "told"],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "False\n"
