"""How much of IRM's error is the choice of the weight, how much training, how much sampling."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from irm_bench.books.irm_paper.settings import IRM, WHOLE, Setting, best_weight, settings, values
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    SECONDARY,
    Outcomes,
    Part,
    above,
    mean,
    parts_of,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, percent, say

TITLE = "IRM's error is the choice of its weight"
STATEMENT = "Most of IRM's published error comes from choosing the weight on the third environment"
SOURCE = "Beyond the paper, which reports the error of the chosen weight alone"
SECTION = ("weight", "optimisation")
STUDY = "irm"
FAMILY = "paper"
RULE = (
    "half of the mean error at the chosen weight, less the mean error at the weight that is best "
    "over all seeds, is above 0 in every setting"
)
MIN_SEEDS = 10
LONGER, POPULATION = "longer", "irm_population"


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, STUDY):
        parts += _parts(evidence, setting)
    return parts


def _parts(evidence: Evidence, setting: Setting) -> list[Part]:
    """Of one setting: the rule, and each part of the error."""
    weight = best_weight(evidence, IRM, setting)
    chosen = values(evidence, IRM, setting, WHOLE)
    best = values(evidence, IRM.at(weight), setting, WHOLE)
    name, place = setting.letters, {"weight": weight, "setting": setting.letters}
    what = f"half the error at the chosen weight less that at the best, {weight:g}, {name}"
    parts = [
        mean(f"choice {name}", what, chosen / 2 - best, above(0.0), place=place),
        mean(f"chosen {name}", f"error at the chosen weight, {name}", chosen, place=place),
        mean(f"lost {name}", f"error that the choice costs, {name}", chosen - best, place=place),
    ]
    for make in (_sampling, _training):
        try:
            parts.append(make(evidence, setting, weight))
        except InsufficientError:
            continue  # a study that the config leaves out: the rest is still told
    return parts


def _sampling(evidence: Evidence, setting: Setting, weight: float) -> Part:
    """The error at the best weight less the mean error there on exact moments."""
    best = values(evidence, IRM.at(weight), setting, WHOLE)
    exact = values(evidence, replace(IRM.at(weight), study=POPULATION), setting, WHOLE)
    what = f"error at the best weight less that on exact moments, {setting.letters}"
    return mean(f"sampling {setting.letters}", what, best - float(np.mean(exact)))


def _training(evidence: Evidence, setting: Setting, weight: float) -> Part:
    """What the updates of the study ``longer`` take off the error at the best weight."""
    longer = values(evidence, replace(IRM.at(weight), study=LONGER), setting, WHOLE)
    best = values(evidence, IRM.at(weight), setting, WHOLE).reindex(longer.index)
    what = f"error at the best weight that more updates take away, {setting.letters}"
    return mean(f"training {setting.letters}", what, best - longer, role=SECONDARY)


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes, "choice")))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    mine = parts_of(parts, "choice ")
    most = [str(part.place["setting"]) for part in mine if part.outcome == HOLDS]
    less = [str(part.place["setting"]) for part in mine if part.outcome == FAILS]
    text = f"The choice of the weight makes more than half of the error in {_at(most, len(mine))}"
    text += f" and less than half in {listed(less)}." if less else "."
    shares = [parts[f"lost {p.place['setting']}"] for p in mine]
    totals = [parts[f"chosen {p.place['setting']}"].estimate for p in mine]
    ratios = [part.estimate / total for part, total in zip(shares, totals, strict=True)]
    text += f" Its share goes from {percent(min(ratios))} to {percent(max(ratios))}."
    for key, words in (
        ("training", "Ten times as many updates at the best weight take away"),
        ("sampling", "Sampling adds"),
    ):
        found = parts_of(parts, f"{key} ")
        if found:
            ordered = sorted(found, key=lambda part: part.estimate)
            least, top = say(ordered[0]), say(ordered[-1])
            text += f" {words} between {least} and {top}."
    return text


def _at(names: list[str], n: int) -> str:
    return f"{len(names)} of {n} settings" + (f" ({listed(names)})" if names else "")
