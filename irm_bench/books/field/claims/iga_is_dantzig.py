"""IGA tends to the causal Dantzig."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import NEAR, decide, end, held, limit, some_parts, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact

TITLE = "IGA tends to the causal Dantzig"
STATEMENT = (
    "The limit of IGA is the least-squares causal Dantzig wherever that identifies a predictor"
)
SOURCE = "Derived here: the penalty is the squared misfit of the Dantzig's equations"
SECTION = ("rivals",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "on all data where the causal Dantzig has an answer the two limits are within 0.01 of "
    "each other"
)
TWIN = "IRM in the place of IGA"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for study in evidence.config.studies:
        if np.isnan(limit(evidence, study.name, "causal_dantzig")):
            continue
        first = end(evidence, study.name, "iga")
        gap = float(np.linalg.norm(first - end(evidence, study.name, "causal_dantzig")))
        gap /= 1 + float(np.linalg.norm(first))
        what = f"distance of the two limits on {study.name}, beside their size"
        parts.append(fact(study.name, what, gap, below(NEAR)))
    return some_parts(parts, "data where the causal Dantzig has an answer")


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"iga": "irm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
