"""Whether one more environment is enough for IRM with squared loss."""

from collections.abc import Mapping

from irm_bench.books.field.settings import FAR, NEAR, decide, held, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "One environment more makes IRM right"
STATEMENT = (
    "With E > d_e environments IRM's limit is the invariant predictor, also with the squared loss"
)
SOURCE = "Rosenfeld, Ravikumar and Risteski 2021, carried over to squared loss here"
SECTION = ("bits",)
STUDY = "rosenfeld_many"
FAMILY = "field"
RULE = (
    "IRM's limit is within 0.01 of the invariant predictor with three environments, and "
    "further than 0.1 with two"
)
TWIN = "few and many environments in each other's place"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    many = limit(evidence, STUDY, "irm")
    few = limit(evidence, "rosenfeld_few", "irm")
    what = "distance of IRM's limit to the invariant predictor"
    return [
        fact("three environments", f"{what}, three environments", many, below(NEAR)),
        fact("two environments", f"{what}, two environments", few, above(FAR)),
    ]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(
        evidence, data={"rosenfeld_few": "rosenfeld_many", "rosenfeld_many": "rosenfeld_few"}
    )


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
