"""The paper's text and its code describe two experiments: whether one concludes as the other."""

from collections.abc import Mapping
from dataclasses import replace

from irm_bench.books.irm_paper.settings import ERM, IRM, WHOLE, settings, values
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    Outcomes,
    Part,
    below,
    mean,
    parts_of,
    verdict,
)
from irm_bench.judging.wording import listed, say

TITLE = "Text and code conclude alike"
STATEMENT = "With the text's dimensions and random weights IRM stands to ERM as in the code's data"
SOURCE = "Section 5.1 against the repository's defaults (--dim 10, --setup_ones 1)"
SECTION = ("disagreements",)
STUDY = "text_irm"
FAMILY = "paper"
RULE = (
    "mean over seeds of IRM's error less ERM's on the same rows is clearly below or above 0 in "
    "both experiments, and on the same side, in every setting"
)
MIN_SEEDS = 10
PAIRS = {
    "code": (IRM, ERM),
    "text": (replace(IRM, study="text_irm"), replace(ERM, study="text_pooled")),
}


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, STUDY):
        for name, (irm, erm) in PAIRS.items():
            ours = values(evidence, irm, setting, WHOLE)
            theirs = values(evidence, erm, setting, WHOLE)
            what = f"error of IRM less ERM's, data of the {name}, {setting.letters}"
            parts.append(mean(f"{name} {setting.letters}", what, ours - theirs, below(0.0)))
    return parts


def _agreements(outcomes: Outcomes) -> dict[str, str]:
    """By setting, whether the two experiments stand on one side."""
    found = {}
    for key, code in outcomes.items():
        kind, _, name = key.partition(" ")
        if kind == "code":
            both = {code, outcomes[f"text {name}"]}
            found[name] = OPEN if OPEN in both else (HOLDS if len(both) == 1 else FAILS)
    return found


def decide(outcomes: Outcomes) -> str:
    found = list(_agreements(outcomes).values())
    if FAILS in found:
        return verdict(FAILS)
    return verdict(OPEN if OPEN in found else HOLDS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    found = _agreements({key: part.outcome for key, part in parts.items()})
    alike = [name for name, outcome in found.items() if outcome == HOLDS]
    other = [name for name, outcome in found.items() if outcome == FAILS]
    text = (
        f"Both experiments put IRM on the same side of ERM in {len(alike)} of {len(found)} settings"
    )
    text += f", on opposite sides in {listed(other)}." if other else "."
    told = [f"{say(part)} ({part.key.removeprefix('text ')})" for part in parts_of(parts, "text ")]
    return f"{text} With the text's data IRM's error less ERM's is {listed(told)}."
