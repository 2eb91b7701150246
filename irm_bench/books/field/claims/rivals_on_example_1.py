"""Rivals of IRM tend to the purely anti-causal predictor on Example 1."""

from collections.abc import Mapping

from irm_bench.books.field.settings import EFFECT, RIVALS, at, decide, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part

TITLE = "Rivals tend to the effect on Example 1"
STATEMENT = (
    "V-REx, MM-REx, IGA, causal Dantzig and DRIG tend to the purely anti-causal predictor on "
    "Example 1"
)
SOURCE = "Derived here: the part of R that differs between environments vanishes at (0, 1) alone"
SECTION = ("rivals",)
STUDY = "example_1"
FAMILY = "field"
RULE = "the limit of each is within 0.01 of (a, b) = (0, 1)"
TWIN = "the dual in the place of Example 1"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    return [at(evidence, STUDY, method, EFFECT, "(0, 1)") for method in RIVALS]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, data={"example_1": "example_1_dual"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
