"""How much a verdict hangs on the margins of its rule: the same claim with all of them scaled.

Every margin of a claim is multiplied by the same factor, its tests are made again on the same
values, and the claim decides again. Bounds of 0 (better or worse) have no size to scale. Holm's
adjustment is that of the claim's family as judged: each part's p value is multiplied as it was.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from irm_bench.judging import findings
from irm_bench.judging.findings import PRIMARY, Part

# From an eighth to eight times the margin, four steps an octave.
FACTORS = tuple(2.0 ** (quarter / 4) for quarter in range(-12, 13))


def rows(finding: Any) -> Iterator[dict[str, object]]:
    """The rows of the table ``margins`` of a judged claim; none where nothing can be scaled."""
    if finding.draft.reason or not any(_has_margin(part) for part in finding.parts):
        return
    for factor in FACTORS:
        verdict = verdict_under(finding, factor)
        row = {"claim": finding.name, "factor": factor, "verdict": verdict}
        yield row | {"stands": int(verdict == finding.verdict)}


def verdict_under(finding: Any, factor: float) -> str:
    """The verdict of a claim if its margins had been ``factor`` times as large."""
    parts = [_under(part, factor) for part in finding.parts]
    return str(finding.draft.module.decide(findings.outcomes(parts)))


def _has_margin(part: Part) -> bool:
    is_tested = part.role == PRIMARY and part.retest is not None
    return is_tested and part.rule is not None and part.rule.bound != 0


def _under(part: Part, factor: float) -> Part:
    if not _has_margin(part):
        return part
    scaled = part.under(factor)
    adjustment = part.p_adjusted / part.p_value if part.p_value > 0 else 1.0
    # of a p value of 1 the adjustment is not seen any more
    return replace(scaled, p_adjusted=min(1.0, scaled.p_value * max(1.0, adjustment)))
