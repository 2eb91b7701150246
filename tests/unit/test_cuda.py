"""On a GPU the notebook's book says what it says on the processor. Skipped where there is none."""

import pandas as pd
import pytest
import torch

import irm_bench
from irm_bench import config
from tests.workflow.conftest import ROOT, SMOKE

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine"
)


@needs_gpu
def test_the_notebooks_book_is_the_same_on_a_gpu() -> None:
    """Every model of every study, to the rounding of 1,200 updates."""
    raw = config.read(ROOT / SMOKE)
    here, there = (
        irm_bench.run("notebook", config=raw | {"device": device}, progress=False)
        for device in ("cpu", "cuda")
    )
    for name in ("models", "errors"):
        pd.testing.assert_frame_equal(here[name], there[name], rtol=1e-6, atol=1e-9)
    verdicts = [tables["claims"].set_index("claim")["verdict"] for tables in (here, there)]
    assert verdicts[0].equals(verdicts[1])


@needs_gpu
def test_what_a_gpu_trains_on_is_there_before_the_first_update() -> None:
    """Ten thousand updates copy no more to the device than a thousand do.

    Of estimators that draw no splits: those are made on the processor, a thousand steps at once.
    """
    copied = []
    for steps in (1000, 10_000):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            irm_bench.run(
                "notebook",
                config={"device": "cuda", "claims": [], "figures": []},
                studies=["error_weight"],
                seeds=2,
                steps=steps,
                progress=False,
            )
        found = profile.key_averages()
        copied.append(sum(event.count for event in found if "Memcpy HtoD" in event.key))
    assert copied[0] > 0
    assert copied[1] <= copied[0]
