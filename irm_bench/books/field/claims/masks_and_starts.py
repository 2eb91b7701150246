"""What masks end at depends on the start."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import FAR, decide, held, label, minima, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, fact

TITLE = "AND-mask and SAND-mask have no limit of their own"
STATEMENT = "Where AND-mask and SAND-mask end on Example 1 depends on where they start"
SOURCE = "Derived here: they stop wherever gradients disagree"
SECTION = ("masks",)
STUDY = "example_1"
FAMILY = "field"
RULE = "the ends of the starts spread by more than 0.1, for both"
TWIN = "ERM in the place of both masks"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for method in ("and_mask", "sand_mask"):
        points = minima(evidence, STUDY, method)[["phi_1", "phi_2"]].to_numpy(dtype=float)
        spread = float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())
        what = f"largest distance of an end of {label(evidence, method)} to their mean"
        parts.append(fact(method, what, spread, above(FAR)))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"and_mask": "erm", "sand_mask": "erm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
