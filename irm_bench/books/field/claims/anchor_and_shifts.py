"""Anchor regression finds the cause where constants are added."""

from collections.abc import Mapping

from irm_bench.books.field.settings import FAR, NEAR, decide, held, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "Anchor regression withstands shifts of means"
STATEMENT = (
    "Where environments add constants to the features, anchor regression tends to the causal "
    "predictor although a cause is hidden"
)
SOURCE = "Rothenhäusler et al. 2021; as commonly told, not read again"
SECTION = ("assumptions",)
STUDY = "mean_shift"
FAMILY = "field"
RULE = "its limit is within 0.01 of the causal predictor, and ERM's further than 0.1"
TWIN = "ERM and anchor regression in each other's place"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    what = "distance of the limit to the causal predictor"
    anchor = limit(evidence, STUDY, "anchor_regression")
    return [
        fact("anchor regression", f"{what}, anchor regression", anchor, below(NEAR)),
        fact("ERM", f"{what}, ERM", limit(evidence, STUDY, "erm"), above(FAR)),
    ]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(
        evidence, methods={"erm": "anchor_regression", "anchor_regression": "erm"}
    )


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
