"""Which rule of selection is right, and what the others cost."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from irm_bench.books.irm_paper.settings import (
    HELD_OUT,
    IRM,
    WHOLE,
    Setting,
    best_weight,
    settings,
    values,
)
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
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
from irm_bench.judging.wording import listed, num, percent
from irm_bench.statistics.elementary import log

TITLE = "The third environment chooses well"
STATEMENT = "The weight that the third environment chooses is as good as the best one"
SOURCE = "Repository, models.py: the weight with the least error on the last environment"
SECTION = ("weight", "conclusions")
STUDY = "irm"
FAMILY = "paper"
RULE = (
    "mean error over all weights at the weight chosen on the held-out environment, less 1.1 times "
    "that at the weight which is best over all seeds, is below 0 in every setting"
)
MIN_SEEDS = 10
MARGIN = 1.1


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    rules = [selection.name for selection in evidence.study(STUDY).selection]
    for setting in settings(evidence, STUDY):
        best = values(evidence, IRM.at(best_weight(evidence, IRM, setting)), setting, WHOLE)
        for rule in rules:
            parts += _of_rule(evidence, setting, rule, best)
    return parts


def _of_rule(evidence: Evidence, setting: Setting, rule: str, best: pd.Series) -> list[Part]:
    """The cost of a rule beside the best weight, and for the code's own rule the test of it."""
    found = values(evidence, replace(IRM, rule=rule), setting, WHOLE)
    name = rule.replace("_", " ")
    place = {"rule": name, "ratio": float(found.mean() / best.mean())}
    what = f"error by {name} less that at the best weight, {setting.letters}"
    parts = [mean(f"cost {rule} {setting.letters}", what, found - best, place=place)]
    if rule == HELD_OUT:
        what = f"error by {name} less {MARGIN:g} times that at the best weight, {setting.letters}"
        key = f"right {setting.letters}"
        parts.insert(0, mean(key, what, found - MARGIN * best, below(0.0)))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes, "right")))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    right = parts_of(parts, "right ")
    met = sum(part.outcome == HOLDS for part in right)
    text = (
        f"The third environment chooses a weight within {percent(MARGIN - 1)} of the best in {met} "
        f"of {len(right)} settings."
    )
    ratios: dict[str, list[float]] = {}
    for part in parts_of(parts, "cost "):
        ratios.setdefault(str(part.place["rule"]), []).append(float(part.place["ratio"]))
    means = {rule: math.exp(log(found).mean()) for rule, found in ratios.items()}
    told = [f"{num(means[rule], 2)} by {rule}" for rule in sorted(means, key=lambda r: means[r])]
    return (
        f"{text} The mean error divided by that at the best weight is, as a geometric mean over "
        f"settings, {listed(told)}."
    )
