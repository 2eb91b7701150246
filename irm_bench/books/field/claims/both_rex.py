"""V-REx and MM-REx share their limit."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import NEAR, data_of, decide, end, held, some_parts, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact

TITLE = "V-REx and MM-REx tend to the same predictor"
STATEMENT = "V-REx and MM-REx share their limit wherever some predictor has equal risks"
SOURCE = "Derived here from Krueger et al. 2021, equations 7 and 8"
SECTION = ("rivals",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "on all data where V-REx's limit has risks in the training environments that differ "
    "by less than 0.001 of their mean, MM-REx's limit is within 0.01 of it"
)
TWIN = "Group DRO in the place of MM-REx"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for study in evidence.config.studies:
        data = data_of(evidence, study.name)
        phi = end(evidence, study.name, "vrex")
        risks = data.risks(phi[None], study.train_sets[0])[:, 0]
        if np.ptp(risks) > 1e-3 * risks.mean():
            continue
        gap = float(np.linalg.norm(phi - end(evidence, study.name, "mm_rex")))
        gap /= 1 + float(np.linalg.norm(phi))
        what = f"distance of the two limits on {study.name}, beside their size"
        parts.append(fact(study.name, what, gap, below(NEAR)))
    return some_parts(parts, "data where some predictor has equal risks")


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"mm_rex": "group_dro"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
