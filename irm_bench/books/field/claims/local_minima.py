"""IRM has spurious local minima on the dual of Example 1."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import CAUSE, FAR, NOTHING, decide, minima
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, fact
from irm_bench.judging.wording import num

TITLE = "IRM has spurious local minima"
STATEMENT = (
    "On the dual of Example 1 IRM's objective has a minimum that is neither the causal "
    "predictor nor 0"
)
SOURCE = "Derived here"
SECTION = ("irm",)
STUDY = "example_1_dual"
FAMILY = "field"
RULE = "at least one start ends at a minimum further than 0.1 from both"
TWIN = "V-REx in the place of IRM"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    ends = minima(evidence, STUDY, "irm")
    points = ends[["phi_1", "phi_2"]].to_numpy(dtype=float)
    off = np.minimum(
        np.linalg.norm(points - CAUSE, axis=1), np.linalg.norm(points - NOTHING, axis=1)
    )
    place = {"n": int((off > FAR).sum()), "of": len(points)}
    what = "largest distance of a minimum to the nearer of the causal predictor and 0"
    return [fact("spurious", what, float(off.max()), above(FAR), place=place)]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irm": "vrex"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    part = parts["spurious"]
    return (
        f"{part.place['n']} of {part.place['of']} starts end at one; the furthest minimum is "
        f"{num(part.estimate)} from both."
    )
