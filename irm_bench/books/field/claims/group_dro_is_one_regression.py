"""Group DRO is the regression of the noisiest environment on Example 1."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import at, decide, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part

TITLE = "Group DRO is the noisiest environment's regression"
STATEMENT = (
    "On Example 1 Group DRO tends to the regression of the environment of the largest σ alone"
)
SOURCE = "Derived here: that regression's risk is the largest there, (1, s)/(1 + s) with s = σ²"
SECTION = ("rivals",)
STUDY = "example_1"
FAMILY = "field"
RULE = "its limit is within 0.01 of (1, s)/(1 + s) at the largest σ"
TWIN = "ERM in the place of Group DRO"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    s = max(e["sigma"] for e in evidence.study(STUDY).train_sets[0]) ** 2
    point = np.array([1.0, s]) / (1 + s)
    return [at(evidence, STUDY, "group_dro", point, "the regression at the largest σ")]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"group_dro": "erm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
