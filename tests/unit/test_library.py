"""A book in one process: what a notebook or a script does with it."""

import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

import irm_bench
from irm_bench.config import ConfigError
from tests.workflow import warm
from tests.workflow.conftest import ROOT

SMALL = {"n_samples": 50, "n_test_samples": 50, "steps": 40}
ONE = {
    "studies": [
        {"name": "notebook", "trajectories": True, "seeds": 7, "methods": [{"name": "erm"}]}
    ],
    "claims": [],
    "figures": ["histograms"],
    "audit": {"replicates": 20, "seed_counts": [5]},
}


def test_it_returns_the_tables_of_every_study_with_the_seeds_asked_for() -> None:
    found = irm_bench.run("notebook", config=ONE, seeds=[2, 5], progress=False, **SMALL)
    assert {"models", "errors", "summary", "coverage", "claims"} <= set(found)
    assert sorted(found["models"]["seed"].unique()) == [2, 5]
    assert set(found["models"]["n_samples"]) == {50}
    assert found.folder is None
    assert found["models"]["method"].dtype == object  # texts, to be compared and grouped as such


def test_a_study_keeps_its_own_seeds_where_none_are_asked_for() -> None:
    found = irm_bench.run("notebook", config=ONE, progress=False, **SMALL)
    assert found["models"]["seed"].nunique() == 7


def test_files_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    found = irm_bench.run(
        "notebook", config=ONE, folder=tmp_path, report=True, progress=False, **SMALL
    )
    assert found.folder == tmp_path
    assert found.page is not None
    assert "histograms" in found.page.read_text(encoding="utf-8")
    assert {path.stem for path in (tmp_path / "tables").glob("*.csv")} == set(found)


def test_mistakes_are_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stepps"):
        irm_bench.run("notebook", stepps=1)
    with pytest.raises(ConfigError, match="neither a folder nor a book"):
        irm_bench.run("no_book")
    with pytest.raises(ConfigError, match="'no_study'; the book has notebook, start"):
        irm_bench.run("notebook", studies=["notebook", "no_study"])
    with pytest.raises(ConfigError, match="seeds"):
        irm_bench.run("notebook", seeds=0)
    with pytest.raises(ValueError, match="name a folder"):
        irm_bench.run("notebook", report=True)
    assert not list(tmp_path.iterdir())


def python(script: str, terminal: int | None = None, program: str = "") -> str:
    done = subprocess.run(
        [program or warm.python(), "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if terminal is None else terminal,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_alone_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'pandas', 'numpy', 'matplotlib', 'yaml', 'snakemake'}"
    script = f"import sys, irm_bench; print({heavy} & set(sys.modules))"
    assert python(script, program=sys.executable) == "set()\n"


def everything(reader: int) -> str:
    """What was written to a terminal that nobody writes to any more."""
    parts = []
    with suppress(OSError):  # how the end of it is told
        while part := os.read(reader, 100_000):
            parts.append(part)
    os.close(reader)
    return b"".join(parts).decode()


@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_is_shown_in_a_terminal_unless_it_is_not_wanted(progress: bool) -> None:
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 80))
    call = f"irm_bench.run('notebook', config={ONE!r}, seeds=2, progress={progress}, **{SMALL!r})"
    python(f"import irm_bench; {call}", writer)
    os.close(writer)
    shown = everything(reader)
    assert ("train: " in shown and "job/s" in shown) if progress else not shown


def test_the_lines_of_the_readme_give_methods_by_environments() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(import irm_bench\n.*?)```", text, re.DOTALL)
    assert len([line for line in lines.splitlines() if line]) <= 5
    few_rows = f"""\
import functools, irm_bench
few = {{"n_samples": 100, "n_test_samples": 100, "config": {{"audit": {ONE["audit"]!r}}}}}
irm_bench.run = functools.partial(irm_bench.run, **few)
"""
    shown = python(few_rows + lines)
    for name in ("erm", "irm", "oracle", "split_half", "u_statistic"):
        assert name in shown
    assert len(re.findall(r"\d\.\d+", shown)) >= 10
