"""Words for numbers and outcomes, so that a claim's sentence says what its parts say."""

import math
from collections.abc import Iterable, Mapping

from irm_bench.judging.findings import FAILS, HOLDS, OPEN, Part
from irm_bench.presentation import numbers


def say(part: Part) -> str:
    """Estimate with its interval, in as many digits as that allows: ``0.016 [0.015, 0.017]``."""
    interval = part.interval
    if math.isnan(interval.low) or math.isnan(interval.high):
        return num(part.estimate)
    value, low, high = numbers.interval(interval.estimate, interval.low, interval.high)
    return f"{value} [{low}, {high}]"


def short(part: Part) -> str:
    """The estimate alone, in as many digits as its interval allows."""
    low, high = part.interval.low, part.interval.high
    if math.isnan(low) or math.isnan(high):
        return num(part.estimate)
    return numbers.interval(part.estimate, low, high)[0]


def num(value: float, digits: int = 3) -> str:
    return numbers.significant(value, digits)


def percent(value: float, digits: int = 2) -> str:
    return f"{numbers.significant(100 * value, digits)}%"


def rate(share: float) -> str:
    """A declared share as it was declared: ``5%``."""
    return f"{100 * share:g}%"


def pick(outcome: str, holds: str, fails: str, otherwise: str = "") -> str:
    """The words of an outcome."""
    return {HOLDS: holds, FAILS: fails}.get(outcome, otherwise)


def listed(items: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def spread(outcomes: Mapping[str, str]) -> str:
    """Where a rule holds, of many places: ``in 3 of 5 environments; not at a; open at b and c``."""
    met, failed, unsure = (
        [place for place, outcome in outcomes.items() if outcome == wanted]
        for wanted in (HOLDS, FAILS, OPEN)
    )
    if len(met) == len(outcomes):
        return f"in all {len(met)} environments"
    words = [f"in {len(met)} of {len(outcomes)} environments"]
    words += [f"not at {listed(failed)}"] if failed else []
    words += [f"open at {listed(unsure)}"] if unsure else []
    return "; ".join(words)
