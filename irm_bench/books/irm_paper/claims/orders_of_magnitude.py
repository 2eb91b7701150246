"""IRM is more accurate than ERM by orders of magnitude."""

from collections.abc import Mapping

from irm_bench.books.irm_paper.settings import CAUSAL, ERM, IRM, OTHER, settings, values
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import HOLDS, Outcomes, Part, above, ratio, some, together, verdict
from irm_bench.judging.wording import say

TITLE = "IRM is orders of magnitude more accurate"
STATEMENT = "IRM's errors are orders of magnitude below ERM's"
SOURCE = "Section 5.1: 'orders of magnitude more accurate'"
SECTION = ("table", "conclusions")
STUDY = "irm"
FAMILY = "paper"
RULE = (
    "geometric mean over seeds of ERM's error divided by IRM's, on the same rows, above 10 for "
    "both errors in every setting"
)
MIN_SEEDS = 10
AN_ORDER = 10.0
WORDS = {CAUSAL: "causal", OTHER: "non-causal"}


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, IRM.study):
        for quantity, word in WORDS.items():
            ours = values(evidence, IRM, setting, quantity)
            theirs = values(evidence, ERM, setting, quantity)
            what = f"{word} error of ERM divided by IRM's, {setting.letters}"
            key = f"{word} {setting.letters}"
            parts.append(ratio(key, what, theirs, ours, above(AN_ORDER)))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ordered = sorted(parts.values(), key=lambda part: part.estimate)
    met = sum(part.outcome == HOLDS for part in ordered)
    least, most = ordered[0], ordered[-1]
    return (
        f"ERM's error is at least {AN_ORDER:g} times IRM's in {met} of {len(ordered)} "
        f"comparisons: the ratio goes from {say(least)} ({least.key}) to {say(most)} ({most.key})."
    )
