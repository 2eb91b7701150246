"""IRMX does not find the cause on Example 1."""

from collections.abc import Mapping

from irm_bench.books.field.settings import NEAR, decide, held, limit, some_parts, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact

TITLE = "IRMX finds the causes wherever IRM does"
STATEMENT = "Adding the variance of the risks to IRM leaves its answer where IRM is right"
SOURCE = "Derived here: on Example 1 no invariant predictor has equal risks"
SECTION = ("bits",)
STUDY = "example_1"
FAMILY = "field"
RULE = "on every data set where IRM's limit is within 0.01 of the invariant predictor, so is IRMX's"
TWIN = "Group DRO in the place of IRMX"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for study in evidence.config.studies:
        if limit(evidence, study.name, "irm") < NEAR:
            off = limit(evidence, study.name, "irmx")
            what = f"distance of the limit of IRMX on {study.name} to the invariant predictor"
            parts.append(fact(study.name, what, off, below(NEAR)))
    return some_parts(parts, "data where IRM tends to the invariant predictor")


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irmx": "group_dro"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
