"""ERM and IRM share their limit under covariate shift."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import FAR, NEAR, decide, end, held, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "Under covariate shift ERM and IRM share their limit"
STATEMENT = (
    "Under covariate shift ERM and IRM tend to the same predictor; with a hidden cause or "
    "with effects alone ERM is biased"
)
SOURCE = "Ahuja et al. 2020; as commonly told, not read again"
SECTION = ("assumptions",)
STUDY = "covariate_shift"
FAMILY = "field"
RULE = (
    "the limits are within 0.01 of each other under covariate shift; ERM's is further "
    "than 0.1 from the invariant predictor with a hidden cause and with effects alone"
)
TWIN = "the data with a hidden cause in the place of the covariate shift"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    gap = float(np.linalg.norm(end(evidence, STUDY, "erm") - end(evidence, STUDY, "irm")))
    parts = [fact("covariate shift", "distance of ERM's limit to IRM's", gap, below(NEAR))]
    for data in ("confounded", "anti_causal"):
        what = f"distance of ERM's limit on {data} to the invariant predictor"
        parts.append(fact(data, what, limit(evidence, data, "erm"), above(FAR)))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, data={"covariate_shift": "confounded"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
