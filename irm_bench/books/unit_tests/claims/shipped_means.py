"""Whether the means that the repository ships are those of our sweep."""

from collections.abc import Mapping

from irm_bench.judging import printed
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    LIMITED,
    Outcomes,
    Part,
    above,
    below,
    fact,
    verdict,
)
from irm_bench.judging.wording import listed, percent

TITLE = "The shipped means can be made again"
STATEMENT = "Every mean error of the shipped results is that of our runs"
SOURCE = "Repository, data/results_processed.tar.gz"
SECTION = ("shipped",)
STUDY = ""
FAMILY = "paper"
RULE = (
    "supported: no mean differs after Holm's adjustment over the whole table; limited: fewer than "
    "10% do; refuted: more"
)
MIN_SEEDS = 3
MOST_OFF = 0.1


def measure(evidence: Evidence) -> list[Part]:
    table = printed.compare(evidence)
    if not table.empty:
        table = table[(table["statistic"] == "mean") & table["p_value"].notna()]
    if table.empty:
        raise InsufficientError("needs our runs of some cell of the shipped results")
    off = table[table["p_adjusted"] < 0.05]
    shares = (off.groupby("model").size() / table.groupby("model").size()).fillna(0.0)
    told = {"n": len(table), "n_off": len(off), "shares": shares.to_dict()}
    inside = "means whose 95% interval of the difference holds 0"
    return [
        fact("off", "share of the means that differ", len(off) / len(table), below(MOST_OFF)),
        fact("none off", "means that differ", float(len(off)), below(0.5), place=told),
        fact("inside", inside, float(table["inside"].mean()), above(1 - MOST_OFF)),
    ]


def decide(outcomes: Outcomes) -> str:
    if outcomes["none off"] == HOLDS:
        return verdict(HOLDS)
    return LIMITED if outcomes["off"] == HOLDS else verdict(FAILS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    told = parts["none off"].place
    inside = percent(parts["inside"].estimate)
    text = (
        f"Of {told['n']} shipped means that we have runs of, {inside} lie within the 95% interval "
    )
    text += "of the difference"
    if not told["n_off"]:
        return f"{text}; adjusted for their number, none differs."
    shares = sorted(told["shares"].items(), key=lambda pair: -pair[1])
    words = listed(f"{percent(share)} of {model}" for model, share in shares)
    return f"{text}; adjusted for their number, {told['n_off']} differ: {words}."
