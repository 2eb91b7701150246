"""Rotating the features does not hurt IRM, and hurts ICP."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.irm_paper.settings import (
    ICP,
    IRM,
    WHOLE,
    Setting,
    Trained,
    settings,
    values,
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
from irm_bench.judging.wording import listed, pick, say
from irm_bench.statistics import hypotheses

TITLE = "Scrambling hurts ICP and not IRM"
STATEMENT = "A rotation of the features leaves IRM's error as it is and raises ICP's"
SOURCE = "Section 5.1: scrambled and unscrambled settings"
SECTION = ("icp", "conclusions")
STUDY = "irm"
FAMILY = "paper"
RULE = (
    "IRM's mean error over all weights, rotated, less 1.25 times that of plain features is below 0 "
    "in all four pairs of settings; ICP's is higher in the rotated one of some pair and "
    "lower in none"
)
MIN_SEEDS = 10
MARGIN = 1.25


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for plain in settings(evidence, STUDY):
        if plain.scramble:
            continue
        name = plain.letters[:2]
        what = f"IRM's error, rotated, less {MARGIN:g} times that of plain features, {name}"
        parts.append(_difference(evidence, IRM, plain, MARGIN, f"IRM {name}", what, below(0.0)))
        what = f"ICP's error, rotated less plain features, {name}"
        parts.append(_difference(evidence, ICP, plain, 1.0, f"ICP {name}", what, above(0.0)))
    if not parts:
        raise InsufficientError("needs plain settings")
    return parts


def _difference(
    evidence: Evidence,
    model: Trained,
    plain: Setting,
    factor: float,
    key: str,
    what: str,
    rule: Rule,
) -> Part:
    """The difference of means of two settings, whose rows are independent: Welch's interval."""
    rotated = values(evidence, model, Setting(plain.hidden, plain.hetero, 1), WHOLE)
    other = factor * values(evidence, model, plain, WHOLE)
    lost = int((~np.isfinite(rotated)).sum() + (~np.isfinite(other)).sum())
    samples = [one[np.isfinite(one)].to_numpy() for one in (rotated, other)]
    if min(map(len, samples)) < 2:
        raise InsufficientError(f"has too few values of {key!r}")
    interval, p_value = hypotheses.welch(*samples)
    return Part(key, what, interval, rule, PRIMARY, p_value, "Welch t", n_diverged=lost)


def decide(outcomes: Outcomes) -> str:
    ours, theirs = some(outcomes, "IRM"), some(outcomes, "ICP")
    icp = HOLDS if HOLDS in theirs and FAILS not in theirs else together(theirs)
    return verdict(together([*ours, icp]))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ours, theirs = parts_of(parts, "IRM"), parts_of(parts, "ICP")
    kept = [part.key.removeprefix("IRM ") for part in ours if part.outcome == HOLDS]
    raised = [part for part in ours if part.outcome == FAILS]
    text = f"IRM's error stays within {MARGIN:g} times that of plain features in {len(kept)} of "
    text += f"{len(ours)} pairs of settings"
    if raised:
        text += f"; it does not in {listed(part.key.removeprefix('IRM ') for part in raised)}"
    words = []
    for part in theirs:
        where = part.key.removeprefix("ICP ")
        changes = pick(part.outcome, f"rises in {where} by", f"falls in {where} by")
        words.append(
            f"{changes} {say(part)}" if changes else f"hardly changes in {where} ({say(part)})"
        )
    return f"{text}. ICP's error {listed(words)}."
