"""Closed forms of second moments survive noise of another law."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import NEAR, decide, end, held, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "Noise of another law changes the limits that look at fourth moments alone"
STATEMENT = (
    "On the twins of Example 1 with heavy tails or skewed noise all limits are as on Example "
    "1, but for Fishr's"
)
SOURCE = "Derived here"
SECTION = ("assumptions",)
STUDY = "example_1_t5"
FAMILY = "field"
RULE = (
    "the limits on both twins are within 0.01 of those on Example 1 for all methods with "
    "a limit but Fishr and those that depend on the start, and Fishr's are further than "
    "0.01"
)
TWIN = "V-REx in the place of Fishr"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    config_map = evidence.config.map
    for method in config_map.methods if config_map else ():
        is_known = np.isfinite(limit(evidence, "example_1", method.name))
        if not is_known or not method.plugin.get("IS_GRADIENT", True):
            continue
        plain = end(evidence, "example_1", method.name)
        gap = 0.0
        for twin in ("example_1_t5", "example_1_skewed"):
            off = np.linalg.norm(end(evidence, twin, method.name) - plain)
            gap = max(gap, float(off))
        rule = above(NEAR) if "fishr" in method.name else below(NEAR)
        what = f"larger distance of the limits of {method.label} on the twins to that on Example 1"
        parts.append(fact(method.name, what, gap, rule))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"fishr": "vrex"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
