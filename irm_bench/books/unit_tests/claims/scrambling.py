"""Scrambling the features breaks AND-mask and leaves IRM as it is."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.unit_tests.settings import (
    METHODS,
    PUBLISHED_RULE,
    STUDIES,
    DataSet,
    data_sets,
    errors,
    margin,
)
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    PRIMARY,
    Outcomes,
    Part,
    Rule,
    above,
    below,
    parts_of,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import pick, say
from irm_bench.statistics import hypotheses

TITLE = "Scrambling breaks AND-mask and not IRM"
STATEMENT = "A rotation of the features raises AND-mask's error and leaves IRM's as it is"
SOURCE = "Section 4: AND-mask assumes features that are axis-aligned"
SECTION = ("results", "conclusions")
STUDY = "regression"
FAMILY = "paper"
RULE = (
    "the mean error of scrambled less plain data is above 0 for AND-mask in some of examples 1 and "
    "3 and below it in neither; for IRM it is below the margin in both"
)
MIN_SEEDS = 2
# Of example 2 AND-mask solves neither form.
EXAMPLES = (1, 3)


def measure(evidence: Evidence) -> list[Part]:
    known = {data_set.study for data_set in data_sets(evidence)}
    parts = []
    for example in EXAMPLES:
        study = STUDIES[example]
        if study in known:
            bound = margin(evidence, DataSet(study, 0))
            parts.append(_difference(evidence, study, "and_mask", example, above(0.0)))
            parts.append(_difference(evidence, study, "irm", example, below(bound)))
    if not parts:
        raise InsufficientError("needs example 1 or 3")
    return parts


def _difference(evidence: Evidence, study: str, method: str, example: int, rule: Rule) -> Part:
    """The difference of means of two data sets, whose rows are independent: Welch's interval."""
    samples, n_lost = [], 0
    for scramble in (1, 0):
        values = errors(evidence, DataSet(study, scramble), method, PUBLISHED_RULE).to_numpy()
        samples.append(values[np.isfinite(values)])
        n_lost += len(values) - len(samples[-1])
    key = f"{METHODS[method]} {example}"
    if min(map(len, samples)) < 2:
        raise InsufficientError(f"has too few values of {key!r}")
    interval, _ = hypotheses.welch(*samples)
    _, p_value = hypotheses.welch(samples[0], samples[1] + rule.bound)
    what = f"error of {METHODS[method]}, scrambled less plain, example {example}"
    return Part(key, what, interval, rule, PRIMARY, p_value, "Welch t", n_diverged=n_lost)


def decide(outcomes: Outcomes) -> str:
    theirs, ours = some(outcomes, "AND-mask"), some(outcomes, "IRM")
    and_mask = HOLDS if HOLDS in theirs and FAILS not in theirs else together(theirs)
    return verdict(together([and_mask, *ours]))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = []
    for part in parts_of(parts, "AND-mask"):
        how = pick(part.outcome, "rises", "falls", "does not clearly change")
        words.append(f"AND-mask's error {how} in example {part.key[-1]} by {say(part)}")
    for part in parts_of(parts, "IRM"):
        how = pick(part.outcome, "stays within the margin", "rises beyond it", "may rise beyond it")
        words.append(f"IRM's {how} in example {part.key[-1]} ({say(part)})")
    return "; ".join(words) + "."
