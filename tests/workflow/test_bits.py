"""The same config gives the same bytes: wherever, on however many cores, in however many pieces."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from irm_bench import config
from tests.workflow import warm
from tests.workflow.conftest import ROOT, SMOKE, copy_project, tables_in, tables_of
from tests.workflow.tiny import command, running, wait_for

# The page's block about this one run, and nothing else, may differ.
RUN = re.compile(rb"<!--run-->.*?<!--/run-->", flags=re.DOTALL)
# The smoke config's six seeds, in another order; no copies of the config have them like this.
SEEDS = "defaults: {seeds: [5, 3, 1, 0, 4, 2]}\n"
ODD = {
    "LC_ALL": "C",
    "LANG": "tr_TR.ISO-8859-9",
    "TZ": "Pacific/Kiritimati",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    "PYTHONHASHSEED": "1",
}


def page_of(project: Path) -> bytes:
    page = (project / "results/notebook/report.html").read_bytes()
    assert len(RUN.findall(page)) == 1
    return RUN.sub(b"", page)


def figures_of(project: Path) -> dict[str, bytes]:
    return {
        p.name: p.read_bytes() for p in sorted((project / "results/notebook/figures").iterdir())
    }


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that differs from ``finished`` in all that must not matter.

    Another folder, with a name that needs quotes; another locale, time zone and number of threads;
    seeds in another order, one shard, one core; and, interrupted in the middle, gone on with on
    four cores.
    """
    project = tmp_path_factory.mktemp("else where σ") / "a 'project'"
    project.mkdir()
    copy_project(project)
    (project / "seeds.yaml").write_text(SEEDS)
    one = ("--config", "shards=1")
    one_core = command(*one, configfiles=(SMOKE, "seeds.yaml"), cores=1)
    with running(project, one_core, **ODD) as process:
        wait_for(lambda: list((project / "results/notebook/trained").glob("*/0.npz")), 120)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert not (project / "results/notebook/tables/models.csv").exists()
    odd = warm.python(*ODD.items())
    four_cores = command(*one, configfiles=(SMOKE, "seeds.yaml"), cores=4, python=odd)
    with running(project, four_cores, **ODD) as process:
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said[-3000:]
    return project


def test_tables_are_the_same_elsewhere(elsewhere: Path, finished: Path) -> None:
    assert tables_of(elsewhere) == tables_of(finished)


def test_figures_are_the_same_elsewhere(elsewhere: Path, finished: Path) -> None:
    assert figures_of(elsewhere) == figures_of(finished)


def test_the_page_is_the_same_elsewhere_but_for_the_run(elsewhere: Path, finished: Path) -> None:
    assert page_of(elsewhere) == page_of(finished)


STAGES = """\
import json, pathlib, sys
from irm_bench import config, library
raw, folder = json.load(sys.stdin)
library.run_stages(config.parse(raw), pathlib.Path(folder))
"""
# What the libraries do on a processor with AVX2 and no more.
AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
# Kernels of another kind on every processor, even where the above are the usual ones. (torch's own
# are not asked for: below AVX2 it has no fused multiply-add.)
OLDER = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}


# Where AVX2 is all there is, ``finished`` has run so.
SETTINGS = [(3, 2, OLDER)]
if torch.backends.cpu.get_cpu_capability() == "AVX512":
    SETTINGS.append((2, 1, AVX2))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the switches are of x86-64")
@pytest.mark.parametrize(("shards", "threads", "kernels"), SETTINGS)
def test_shards_threads_and_processors_change_no_table(
    finished: Path, tmp_path: Path, shards: int, threads: int, kernels: dict[str, str]
) -> None:
    """All stages up to the tables, in one process."""
    raw = config.laid_over(config.read(ROOT / SMOKE)) | {"shards": shards}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    subprocess.run(
        [sys.executable, "-c", STAGES],
        cwd=ROOT,
        env=os.environ | dict.fromkeys(names, str(threads)) | kernels,
        input=json.dumps([raw, str(tmp_path)]),
        text=True,
        check=True,
    )
    assert tables_in(tmp_path / "tables") == tables_of(finished)
