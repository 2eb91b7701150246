"""IRM solves example 3 once there are more environments than spurious dimensions."""

from collections.abc import Mapping

from irm_bench.books.unit_tests.settings import (
    PUBLISHED_RULE,
    DataSet,
    excess,
    margin,
    over_environments,
)
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    Outcomes,
    Part,
    above,
    below,
    mean,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, say

TITLE = "IRM solves example 3 with enough environments"
STATEMENT = "IRM solves example 3 where environments are more than the five spurious dimensions"
SOURCE = "Section 4, figure over the number of environments; Rosenfeld et al. 2021"
SECTION = ("environments", "conclusions")
STUDY = "margin"
FAMILY = "paper"
RULE = (
    "the mean over seeds of IRM's error less the oracle's is below 5% of the rows at every number "
    "of environments above five, and above it at every smaller one, plain and scrambled"
)
MIN_SEEDS = 2
DIM_SPURIOUS = 5


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for n_environments, study in over_environments(evidence, 3).items():
        for model in evidence.study(study).models:
            data_set = DataSet(study, model.option["scramble"], DIM_SPURIOUS)
            bound = margin(evidence, data_set)
            rule = below(bound) if n_environments > DIM_SPURIOUS else above(bound)
            values = excess(evidence, data_set, "irm", PUBLISHED_RULE)
            label = f"{data_set.label(evidence)}, E = {n_environments}"
            what = f"error of IRM less the oracle's, data set {label}"
            place = {"n": n_environments, "scramble": data_set.scramble}
            parts.append(mean(label, what, values, rule, place=place))
    if not any(part.place["n"] > DIM_SPURIOUS for part in parts):
        raise InsufficientError("needs a study with more than five environments")
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    solved = []
    for part in parts.values():
        is_solved = part.outcome == (HOLDS if part.place["n"] > DIM_SPURIOUS else FAILS)
        if is_solved:
            solved.append(part.key)
    told = listed(f"{say(part)} ({part.key})" for part in parts.values())
    first = f"solves example 3 at {listed(solved)}" if solved else "nowhere solves example 3"
    return f"IRM {first}; its error less the oracle's is {told}."
