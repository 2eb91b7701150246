"""The ranking of methods depends on how their hyper-parameters are chosen."""

import itertools
from collections.abc import Mapping

from irm_bench.books.unit_tests.settings import (
    METHODS,
    RULES,
    data_sets,
    errors,
)
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    Outcomes,
    Part,
    below,
    mean,
    some,
    verdict,
)
from irm_bench.judging.wording import listed

TITLE = "The ranking depends on the rule of choice"
STATEMENT = "Which of two methods is better depends on the rule that chose their hyper-parameters"
SOURCE = "Beyond the paper, which has one rule; Gulrajani and Lopez-Paz 2021"
SECTION = ("choice", "conclusions")
STUDY = "regression"
FAMILY = "choice"
RULE = (
    "of some data set, two methods and two rules, the mean over seeds of the difference of their "
    "errors is clearly below 0 under one rule and clearly above 0 under another"
)
MIN_SEEDS = 2


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data_set in data_sets(evidence):
        label = data_set.label(evidence)
        for first, second in itertools.combinations(METHODS, 2):
            for rule in RULES:
                pair = [errors(evidence, data_set, method, rule) for method in (first, second)]
                names = f"{METHODS[first]} and {METHODS[second]}"
                what = f"error of {METHODS[first]} less {METHODS[second]}'s, chosen {RULES[rule]}"
                key = f"{names} in {label}: {rule}"
                place = {"pair": f"{names} in {label}", "rule": RULES[rule]}
                values = pair[0] - pair[1]
                # equal models, of which nothing can be tested
                if values.abs().max() > 0:
                    parts.append(mean(key, f"{what}, {label}", values, below(0.0), place=place))
    return parts


def _flips(outcomes: Outcomes) -> list[str]:
    """The pairs that two rules order in opposite ways."""
    pairs = dict.fromkeys(key.partition(":")[0] for key in outcomes)
    return [pair for pair in pairs if {HOLDS, FAILS} <= set(some(outcomes, f"{pair}:"))]


def decide(outcomes: Outcomes) -> str:
    if _flips(outcomes):
        return verdict(HOLDS)
    return verdict(OPEN if OPEN in outcomes.values() else FAILS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    outcomes = {key: part.outcome for key, part in parts.items()}
    flips = _flips(outcomes)
    n_pairs = len(dict.fromkeys(part.place["pair"] for part in parts.values()))
    if not flips:
        return (
            f"No rule clearly turns the order of any of {n_pairs} pairs of methods and data sets."
        )
    return f"Of {n_pairs} pairs of methods and data sets {len(flips)} are turned: {listed(flips)}."
