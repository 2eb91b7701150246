"""Anchor regression is ERM where environments have equal means."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import FAR, NEAR, data_of, decide, end, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "Anchor regression is ERM without shifts of means"
STATEMENT = (
    "Anchor regression with the environments as anchors equals ERM where environments have "
    "equal means"
)
SOURCE = "Rothenhäusler et al. 2021, equation 5: the projection on the anchors is then 0"
SECTION = ("assumptions",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "on all data without shifted means the two limits are within 0.01 of each other, and "
    "on those with shifted means and a hidden cause they are further than 0.1 apart"
)
TWIN = "IRM in the place of anchor regression"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for study in evidence.config.studies:
        means = data_of(evidence, study.name).pool(False).moments.mean
        is_shifted = float(np.ptp(means, axis=0).max()) > 1e-9
        if is_shifted and study.name != "mean_shift":
            continue
        anchor = end(evidence, study.name, "anchor_regression")
        gap = float(np.linalg.norm(anchor - end(evidence, study.name, "erm")))
        what = f"distance of anchor regression's limit to ERM's on {study.name}"
        parts.append(fact(study.name, what, gap, above(FAR) if is_shifted else below(NEAR)))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"anchor_regression": "irm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
