"""Which invariant predictor of two-bit environments IRM prefers."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import data_of, decide, end, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "The flips decide which predictor IRM prefers"
STATEMENT = "IRM prefers the spurious predictor if and only if ½ + b·mean(1 − 2β) > r²"
SOURCE = "Derived here from the risks of Kamath et al. 2021"
SECTION = ("bits",)
STUDY = "two_bit_near"
FAMILY = "field"
RULE = (
    "over the two pairs of environments, IRM's limit has |b| > 0.05 exactly where the "
    "inequality holds"
)
TWIN = "the oracle in the place of IRM"
MIN_SEEDS = 1
LEAST_WEIGHT = 0.05
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data in (STUDY, "two_bit_far"):
        r = float(data_of(evidence, data).causal[0, 0])
        b = np.sqrt(0.5 - 1 / (4 * r**2))
        flips = [e["beta_flip"] for e in evidence.study(data).train_sets[0]]
        gain = 0.5 + b * np.mean(1 - 2 * np.array(flips)) - r**2
        found = abs(end(evidence, data, "irm")[1])
        rule = above(LEAST_WEIGHT) if gain > 0 else below(LEAST_WEIGHT)
        what = f"|b| of IRM's limit on {data}, where the inequality's sides differ by {gain:.3f}"
        parts.append(fact(data, what, float(found), rule))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irm": "oracle"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
