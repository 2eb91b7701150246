"""Who solves example 2: IGA unscrambled and with many environments alone, IRM never."""

from collections.abc import Mapping

from irm_bench.books.unit_tests.settings import (
    BY_TEST,
    METHODS,
    PUBLISHED_RULE,
    DataSet,
    excess,
    margin,
    over_environments,
)
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    HOLDS,
    Outcomes,
    Part,
    above,
    below,
    mean,
    parts_of,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, say

TITLE = "IGA alone solves example 2, plain and with many environments"
STATEMENT = "IRM never solves example 2; IGA does, plain and with ten environments"
SOURCE = "Section 4, figure over the number of environments"
SECTION = ("environments", "conclusions")
STUDY = "cows"
FAMILY = "paper"
RULE = (
    "the mean over seeds of the error less the oracle's is above 5% of the rows for IRM at every "
    "number of environments, even chosen by the test; for IGA it is below 5% for plain features at "
    "the most environments, and above it elsewhere"
)
MIN_SEEDS = 2


def measure(evidence: Evidence) -> list[Part]:
    studies = over_environments(evidence, 2)
    parts = []
    for n_environments, study in studies.items():
        for model in evidence.study(study).models:
            data_set = DataSet(study, model.option["scramble"])
            label = f"{data_set.label(evidence)}, E = {n_environments}"
            is_easiest = n_environments == max(studies) and not data_set.scramble
            bound = margin(evidence, data_set)
            for method, choice in (("irm", BY_TEST), ("iga", PUBLISHED_RULE)):
                solves = method == "iga" and is_easiest
                name = METHODS[method]
                values = excess(evidence, data_set, method, choice)
                what = f"error of {name} less the oracle's, data set {label}"
                rule = below(bound) if solves else above(bound)
                place = {"label": label, "solves": solves}
                parts.append(mean(f"{name} {label}", what, values, rule, place=place))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = []
    for name in ("IRM", "IGA"):
        mine = parts_of(parts, f"{name} ")
        least = min(mine, key=lambda part: part.estimate)
        as_told = [part for part in mine if part.outcome == HOLDS]
        text = f"{name} does as claimed in {len(as_told)} of {len(mine)} cases"
        if len(as_told) < len(mine):
            others = (str(part.place["label"]) for part in mine if part.outcome != HOLDS)
            text += f" (not clearly at {listed(others)})"
        words.append(f"{text}; its least error above the oracle's is {say(least)} ({least.key})")
    return ". ".join(words) + "."
