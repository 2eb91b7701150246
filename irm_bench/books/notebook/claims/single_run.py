"""Whether one run is enough: in what share of seeds a reader of one would conclude otherwise."""

from collections.abc import Mapping

import pandas as pd

from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LIMITED,
    OPEN,
    REFUTED,
    SECONDARY,
    SUPPORTED,
    Outcomes,
    Part,
    below,
    parts_of,
    share,
    some,
)
from irm_bench.judging.wording import listed, percent

TITLE = "One run is enough to conclude"
STATEMENT = "A reader of a single run comes to the same verdicts"
SOURCE = "Beyond the notebook, which concludes from one run"
SECTION = ("conclusions",)
STUDY = "notebook"
FAMILY = "single run"
RULE = (
    "for a claim: the share of seeds whose one run, by the claim's own rule on its numbers, leads "
    "to another verdict is below 5%; supported: for every claim; limited: for some; refuted: for "
    "none"
)
MIN_SEEDS = 20
RARE = 0.05
# Judged when the findings of the other claims are known.
AFTER = True


def measure(evidence: Evidence) -> list[Part]:
    flags = {f.name: f.disagree for f in evidence.findings if len(f.disagree) >= MIN_SEEDS}
    if not flags:
        raise InsufficientError(
            f"needs a claim that {MIN_SEEDS} seeds or more can be asked one by one"
        )
    titles = {f.name: f.title for f in evidence.findings}
    table = pd.DataFrame(flags).dropna()
    whole = table.astype(bool).any(axis=1)
    what = "share of seeds that lead to another verdict on at least one claim"
    return [
        share("any", what, whole, below(RARE), SECONDARY),
        *(
            share(
                f"claim {name}",
                f"share of seeds that disagree: {titles[name]}",
                flag,
                below(RARE),
                SECONDARY,
                place={"title": titles[name]},
            )
            for name, flag in flags.items()
        ),
    ]


def decide(outcomes: Outcomes) -> str:
    claims = some(outcomes, "claim ")
    if all(outcome == HOLDS for outcome in claims):
        return SUPPORTED
    if HOLDS in claims:
        return LIMITED
    return INCONCLUSIVE if OPEN in claims else REFUTED


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    claims = parts_of(parts, "claim ")
    safe = sum(part.outcome == HOLDS for part in claims)
    risky = [
        f"{_title(part)} ({percent(part.estimate)} of seeds)"
        for part in sorted(claims, key=lambda part: -part.estimate)
        if part.outcome == FAILS
    ]
    unsure = [_title(part) for part in claims if part.outcome == OPEN]
    text = f"For {safe} of {len(claims)} claims one run is as good as all."
    if risky:
        text += f" It misleads on {listed(risky)}."
    if unsure:
        text += f" It is open for {listed(unsure) if len(unsure) < 4 else len(unsure)}."
    return (
        f"{text} {percent(parts['any'].estimate)} of seeds lead to another verdict on at least one "
        "claim."
    )


def _title(part: Part) -> str:
    return f"'{part.place['title']}'"
