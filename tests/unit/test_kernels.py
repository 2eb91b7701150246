"""Jobs solve by the same kernels on every processor with AVX2."""

from pathlib import Path

import numpy as np
import pytest

from irm_bench.running import snakefile
from irm_bench.statistics import elementary

NAME = "OPENBLAS_CORETYPE"


@pytest.mark.parametrize(
    ("flags", "asked", "taken"),
    [
        ("flags : fma avx2 avx512f\n", "", "Haswell"),
        ("flags : fma avx2 avx512f\n", "Zen", "Zen"),
        ("flags : sse4_2 avx\n", "", ""),
        (None, "", ""),  # no Linux
    ],
)
def test_what_the_jobs_take(flags: str | None, asked: str, taken: str, tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    if flags is not None:
        told.write_text(flags)
    environment = {NAME: asked} if asked else {}
    snakefile.choose_kernels(environment, told)
    assert environment.get(NAME, "") == taken


@pytest.mark.parametrize(
    ("first", "last", "n"), [(10.0, 1e4, 12), (3e-2, 1e-5, 100), (2.0, 9.0, 2)]
)
def test_stages_are_spaced_in_equal_ratios(first: float, last: float, n: int) -> None:
    found = elementary.geometric(first, last, n)
    assert (found[0], found[-1]) == (first, last)
    np.testing.assert_allclose(found, np.geomspace(first, last, n), rtol=1e-15)
    np.testing.assert_allclose(found[1:] / found[:-1], (last / first) ** (1 / (n - 1)), rtol=1e-13)
