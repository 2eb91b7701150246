"""Matching the predictions' law predicts nothing on Example 1."""

from collections.abc import Mapping

from irm_bench.books.field.settings import NOTHING, at, decide, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part

TITLE = "Matching of predictions tends to predict nothing"
STATEMENT = (
    "On Example 1 the only predictor whose values have one law everywhere is 0, and matching "
    "tends to it"
)
SOURCE = "Derived here: the variance of φᵀx is an increasing function of σ unless φ = 0"
SECTION = ("rivals",)
STUDY = "example_1"
FAMILY = "field"
RULE = "the limit of matching is within 0.01 of 0"
TWIN = "ERM in the place of matching"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    return [at(evidence, STUDY, "coral", NOTHING, "0")]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"coral": "erm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
