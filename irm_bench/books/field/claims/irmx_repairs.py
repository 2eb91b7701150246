"""IRMX removes the spurious predictors of two-bit environments."""

from collections.abc import Mapping

from irm_bench.books.field.settings import at, data_of, decide, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part

TITLE = "IRMX repairs the two-bit failure"
STATEMENT = (
    "With the variance of the risks added, IRM's spurious predictors of two-bit environments vanish"
)
SOURCE = "Chen et al. 2023 (PAIR); as commonly told, not read again"
SECTION = ("bits",)
STUDY = "two_bit_near"
FAMILY = "field"
RULE = "IRMX's limit is within 0.01 of the invariant predictor on both pairs of environments"
TWIN = "IRM in the place of IRMX"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data in (STUDY, "two_bit_far"):
        point = data_of(evidence, data).causal[0]
        parts.append(at(evidence, data, "irmx", point, "the invariant predictor"))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irmx": "irm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
