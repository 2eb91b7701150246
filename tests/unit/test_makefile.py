"""The commands of the Makefile, without running them."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


# Writes down what it is asked for; the check asks for two more looks, then ends as it is told.
PYTHON = """\
#!/bin/sh
echo "$2" >> calls
[ "$2" = irm_bench.running.chain ] || exit 0
[ $(grep -c chain calls) -gt 2 ] || exit 75
exit STATUS
"""


@pytest.mark.parametrize(("status", "ended"), [("0", 0), ("1", 2)])
def test_a_report_looks_again_as_long_as_its_results_ask_for_it(
    tmp_path: Path, status: str, ended: int
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.replace("STATUS", status), encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / ".venv/.ready").touch()
    done = subprocess.run(["make", "report"], cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == ended, done.stderr
    modules = ["irm_bench.config", "snakemake", "irm_bench.running.chain"]
    assert (tmp_path / "calls").read_text(encoding="utf-8").split() == 3 * modules


def test_its_commands_keep_what_python_has_compiled() -> None:
    """Also where the environment says not to: each process would compile all packages anew."""
    code = "import sys; print(sys.dont_write_bytecode)"
    done = subprocess.run(
        [
            *("make", "--no-print-directory"),
            *(f"--eval=told: ; @{shlex.quote(sys.executable)} -c {shlex.quote(code)}", "told"),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "False\n"
