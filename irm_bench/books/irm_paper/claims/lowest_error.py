"""IRM's error is the lowest of all methods, cause by cause and effect by effect."""

from collections.abc import Mapping

from irm_bench.books.irm_paper.settings import CAUSAL, ERM, ICP, IRM, OTHER, settings, values
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    Outcomes,
    Part,
    below,
    mean,
    parts_of,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed

TITLE = "IRM has the lowest error everywhere"
STATEMENT = "In every setting IRM estimates causal and non-causal weights best of the three methods"
SOURCE = "Section 5.1, text beside the figure of the synthetic data"
SECTION = ("table", "conclusions")
STUDY = "irm"
FAMILY = "paper"
RULE = (
    "mean over seeds of IRM's error less the other method's, on the same rows, is below 0 for both "
    "errors, both methods and all settings"
)
MIN_SEEDS = 10
RIVALS = {"ERM": ERM, "ICP": ICP}
WORDS = {CAUSAL: "causal", OTHER: "non-causal"}


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, IRM.study):
        for quantity, word in WORDS.items():
            ours = values(evidence, IRM, setting, quantity)
            for name, rival in RIVALS.items():
                theirs = values(evidence, rival, setting, quantity)
                what = f"{word} error of IRM less {name}'s, {setting.letters}"
                key = f"{name} {word} {setting.letters}"
                place = {"setting": setting.letters}
                parts.append(mean(key, what, ours - theirs, below(0.0), place=place))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = [_against(parts, f"{name} {word}") for name in RIVALS for word in WORDS.values()]
    return " ".join(words)


def _against(parts: Mapping[str, Part], prefix: str) -> str:
    name, word = prefix.split()
    mine = parts_of(parts, f"{prefix} ")
    better = [part for part in mine if part.outcome == HOLDS]
    worse = [str(part.place["setting"]) for part in mine if part.outcome == FAILS]
    text = f"IRM's {word} error is below {name}'s in {len(better)} of {len(mine)} settings"
    return f"{text}, above it in {len(worse)} ({listed(worse)})." if worse else f"{text}."
