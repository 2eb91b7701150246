"""Whether one run is enough: in what share of seeds a reader of one would conclude otherwise."""

from collections.abc import Mapping

import pandas as pd

from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    SECONDARY,
    Outcomes,
    Part,
    below,
    parts_of,
    share,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, percent

TITLE = "One run is enough to conclude"
STATEMENT = (
    "A reader of a single run, who knows how far runs spread and may say 'inconclusive', comes to "
    "every verdict"
)
SOURCE = "Beyond the notebook, which concludes from one run"
SECTION = ("conclusions",)
STUDY = "notebook"
FAMILY = "single run"
RULE = (
    "for every claim, the share of seeds whose one run does not lead to the verdict is below 5%; "
    "a test is open to that reader where the run is nearer to its bound than 95% of runs are off"
)
MIN_SEEDS = 20
RARE = 0.05
# Judged when the findings of the other claims are known.
AFTER = True


def measure(evidence: Evidence) -> list[Part]:
    asked = [f for f in evidence.findings if len(f.readings) >= MIN_SEEDS]
    flags = {f.name: f.misled | f.undecided for f in asked}
    if not flags:
        raise InsufficientError(
            f"needs a claim that {MIN_SEEDS} seeds or more can be asked one by one"
        )
    titles = {f.name: f.title for f in asked}
    parts = [
        _any("any", "do not lead to the verdict on at least one claim", flags),
        _any("any misled", "lead to another verdict on one", {f.name: f.misled for f in asked}),
        _any(
            "any plain", "do, their numbers taken as they are", {f.name: f.disagree for f in asked}
        ),
    ]
    for name, flag in flags.items():
        what = f"share of seeds that do not lead to the verdict: {titles[name]}"
        place = {"title": titles[name]}
        parts.append(share(f"claim {name}", what, flag, below(RARE), place=place))
    return parts


def _any(key: str, what: str, flags: Mapping[str, pd.Series]) -> Part:
    """The share of seeds with a flag of at least one claim, of those that all claims ask."""
    table = pd.DataFrame(flags).dropna().astype(bool)
    return share(key, f"share of seeds that {what}", table.any(axis=1), below(RARE), SECONDARY)


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes, "claim ")))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    claims = parts_of(parts, "claim ")
    safe = [part for part in claims if part.outcome == HOLDS]
    risky = [
        f"{_title(part)} ({percent(part.estimate)} of seeds)"
        for part in sorted(claims, key=lambda part: -part.estimate)
        if part.outcome == FAILS
    ]
    unsure = [_title(part) for part in claims if part.outcome == OPEN]
    text = f"That one run is as good as all is shown for {len(safe)} of {len(claims)} claims."
    if risky:
        text += f" It is not for {listed(risky)}."
    if unsure:
        text += f" It is open for {listed(unsure) if len(unsure) < 4 else len(unsure)}."
    misled, plain = parts["any misled"], parts["any plain"]
    return (
        f"{text} {percent(parts['any'].estimate)} of seeds do not lead to every verdict, "
        f"{percent(misled.estimate)} lead to another one. Where a run's numbers are taken as they "
        f"are, without 'inconclusive', it is {percent(plain.estimate)}."
    )


def _title(part: Part) -> str:
    return f"'{part.place['title']}'"
