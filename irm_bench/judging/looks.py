"""Judging at several looks: seeds are added until every claim is decided, and no look is free.

At look k, counted from 1, a p value counts k (k + 1) times, and an interval is one at the level
1 − α / (k (k + 1)). The shares 1 / (k (k + 1)) of α sum to 1 over all k. So, however many looks
there are and whatever ends them, the probability that some look rejects what is true is at most α,
and that of all intervals of a quantity together holding it at least 1 − α: by the union bound, for
any test that holds its level at each look alone. Holm's adjustment is made within each look.

What a look has rejected stays rejected at later ones, unless the estimate has changed sides.

Source: Darling and Robbins, "Confidence sequences for mean, variance, and median", PNAS 58 (1967);
looks at a doubling number of values as in Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), section 3.1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from irm_bench.config import Config
from irm_bench.judging.findings import ALPHA, INCONCLUSIVE, OPEN, PRIMARY, Part, Rule

# A part by the claim's name and its own key.
Parts = Mapping[tuple[str, str], Part]


def share(look: int) -> float:
    """The part of α that a look may spend; seeds that are fixed (look 0) have all of it."""
    return 1 / (look * (look + 1)) if look else 1.0


def at_its_share(part: Part, look: int) -> Part:
    """A part measured at a look, with its p value and interval by the look's share of α."""
    if not look:
        return part
    factor = 1 / share(look)
    changed = replace(part, p_value=_times(factor, part.p_value))
    if part.interval_at is not None:
        interval = part.interval_at(1 - ALPHA / factor)
        named = replace(interval, method=f"{interval.method}, at any look")
        changed = replace(changed, interval=named)
    retest = part.retest
    if retest is None:
        return changed

    def retest_at_look(other: Rule) -> float:
        return _times(factor, retest(other))

    return replace(changed, retest=retest_at_look)


def _times(factor: float, p_value: float) -> float:
    return min(1.0, factor * p_value) if p_value == p_value else p_value


def remembering(claim: str, part: Part, earlier: Parts) -> Part:
    """An adjusted part with what earlier looks have rejected, if it is still on the same side."""
    before = earlier.get((claim, part.key))
    if before is None or before.side != part.side or part.role != PRIMARY:
        return part
    return replace(part, p_adjusted=min(part.p_adjusted, before.p_adjusted))


def judged_parts(found: Sequence[Any]) -> dict[tuple[str, str], Part]:
    """The primary parts of findings that were strong enough to be judged."""
    kept = {}
    for finding in found:
        for part in finding.parts:
            if part.role == PRIMARY and not finding.weakness:
                kept[finding.name, part.key] = part
    return kept


def is_open(finding: Any, config: Config) -> bool:
    """Whether more seeds may decide a claim: it is inconclusive, for want of seeds."""
    if finding.verdict != INCONCLUSIVE or finding.draft.reason or finding.is_diverged:
        return False
    added = {study.name for study in config.studies if study.added}
    if finding.draft.module.STUDY not in ("", *added):
        return False
    outcomes = [part.outcome for part in finding.parts if part.role == PRIMARY]
    return bool(finding.weakness) or OPEN in outcomes


def rows(found: Sequence[Any], config: Config) -> Iterator[dict[str, object]]:
    """The rows of the table ``looks`` at one look: every claim, with what was known of it then."""
    counts = [len(study.seeds) for study in config.studies if study.added]
    for finding in found:
        yield {
            "look": config.look,
            "n_seeds": max(counts),
            "level": 1 - ALPHA * share(config.look),
            "claim": finding.name,
            "title": finding.title,
            "verdict": finding.verdict,
            "open": int(is_open(finding, config)),
        }
