"""Rivals of IRM tend to the cause on the dual of Example 1."""

from collections.abc import Mapping

from irm_bench.books.field.settings import CAUSE, RIVALS, at, decide, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part

TITLE = "The same rivals tend to the cause on its dual"
STATEMENT = (
    "V-REx, MM-REx, IGA, causal Dantzig and DRIG tend to the causal predictor on the dual of "
    "Example 1"
)
SOURCE = (
    "Derived here: with the noises of Y and Z exchanged, the same part vanishes at (1, 0) alone"
)
SECTION = ("rivals",)
STUDY = "example_1_dual"
FAMILY = "field"
RULE = "the limit of each is within 0.01 of (a, b) = (1, 0)"
TWIN = "Example 1 in the place of its dual"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    return [at(evidence, STUDY, method, CAUSE, "(1, 0)") for method in RIVALS]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, data={"example_1_dual": "example_1"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
