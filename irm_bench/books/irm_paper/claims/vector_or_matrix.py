"""A full matrix Φ against the vector φ."""

from collections.abc import Mapping
from dataclasses import replace

from irm_bench.books.irm_paper.settings import IRM, WHOLE, Trained, settings, values
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    Outcomes,
    Part,
    below,
    ratio,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, say

TITLE = "A vector does as well as the matrix"
STATEMENT = "With a vector φ and one scalar w, as in IRMv1's equation, the error is no larger"
SOURCE = "Section 3.1 (IRMv1) against the repository's 10 × 10 matrix"
SECTION = ("matrix",)
STUDY = "vector"
FAMILY = "paper"
RULE = (
    "geometric mean over seeds of the vector's error divided by the matrix's, on the same rows, "
    "both chosen on the third environment, is below 1.1 in every setting"
)
MIN_SEEDS = 10
MARGIN = 1.1
VECTOR = Trained("vector", "irm", "plug_in", rule=IRM.rule)


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, STUDY):
        vector = values(evidence, VECTOR, setting, WHOLE)
        matrix = values(evidence, replace(IRM), setting, WHOLE).reindex(vector.index)
        what = f"error of the vector divided by that of the matrix, {setting.letters}"
        parts.append(ratio(setting.letters, what, vector, matrix, below(MARGIN)))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ordered = sorted(parts.values(), key=lambda part: part.estimate)
    larger = [part.key for part in ordered if part.outcome == FAILS]
    met = sum(part.outcome == HOLDS for part in ordered)
    text = f"The vector's error is within {MARGIN:g} times the matrix's in {met} of {len(ordered)} "
    text += "settings"
    if larger:
        text += f", and above that in {listed(larger)}"
    least, most = ordered[0], ordered[-1]
    return f"{text}; the ratio goes from {say(least)} ({least.key}) to {say(most)} ({most.key})."
