"""ICP rejects everything where the target's noise changes."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import NEAR, decide, held, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact

TITLE = "ICP is silent where the noise of the target changes"
STATEMENT = (
    "ICP has no answer where the target's noise differs between environments, and finds the "
    "causes where it does not"
)
SOURCE = "Peters, Bühlmann and Meinshausen 2016: the residual's law is to be the same everywhere"
SECTION = ("assumptions",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "in the limit it has no answer on Example 1 and on the chain with unequal noise, and "
    "is within 0.01 of the invariant predictor on the dual, under covariate shift and on "
    "the chain with equal noise"
)
TWIN = "ERM in the place of ICP"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data in ("example_1", "chain_hetero"):
        answers = float(np.isfinite(limit(evidence, data, "icp")))
        parts.append(fact(data, f"answers of ICP on {data}", answers, below(1.0)))
    for data in ("example_1_dual", "covariate_shift", "chain"):
        what = f"distance of the limit of ICP on {data} to the causes"
        parts.append(fact(data, what, limit(evidence, data, "icp"), below(NEAR)))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"icp": "erm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
