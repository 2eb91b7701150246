"""Whether the results that the paper's repository ships are what its code gives."""

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

TITLE = "The shipped results can be made again"
STATEMENT = "Every mean, standard deviation and median of the shipped table is that of our runs"
SOURCE = "Repository, code/experiment_synthetic/synthetic_results.txt"
SECTION = ("table",)
STUDY = "pooled"
FAMILY = "paper"
RULE = (
    "supported: no statistic differs after Holm's adjustment over the whole table; limited: fewer "
    "than 10% do; refuted: more"
)
MIN_SEEDS = 20
MOST_OFF = 0.1


def measure(evidence: Evidence) -> list[Part]:
    evidence.study(STUDY)
    table = printed.compare(evidence)
    if table.empty or table["p_value"].isna().any():
        raise InsufficientError("needs our runs of every cell of the shipped table")
    off = table[table["p_adjusted"] < 0.05]
    names = off["model"] + " " + off["statistic"] + " of " + off["quantity"].str.replace("_", " ")
    told = {"names": list(names.unique()), "n": len(table), "n_off": len(off)}
    inside = float(table["inside"].mean())
    what = "statistics whose 95% interval of the difference holds 0"
    return [
        fact("off", "share of the statistics that differ", len(off) / len(table), below(MOST_OFF)),
        fact("none off", "statistics that differ", float(len(off)), below(0.5), place=told),
        fact("inside", what, inside, above(1 - MOST_OFF)),
    ]


def decide(outcomes: Outcomes) -> str:
    if outcomes["none off"] == HOLDS:
        return verdict(HOLDS)
    return LIMITED if outcomes["off"] == HOLDS else verdict(FAILS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    told = parts["none off"].place
    inside = percent(parts["inside"].estimate)
    text = (
        f"Of {told['n']} statistics of the shipped table {inside} lie within the 95% interval "
        "around ours"
    )
    if not told["n_off"]:
        return f"{text}; adjusted for their number, none differs."
    names = list(told["names"])
    words = listed(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"{text}; adjusted for their number, {told['n_off']} differ: {words}."
