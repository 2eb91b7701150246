"""No method solves all of the unit tests."""

from collections.abc import Mapping

from irm_bench.books.unit_tests.settings import (
    METHODS,
    PUBLISHED_RULE,
    data_sets,
    excess,
    margin,
)
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    Outcomes,
    Part,
    below,
    mean,
    parts_of,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed

TITLE = "No method solves them all"
STATEMENT = "Each of ERM, IRMv1, AND-mask and IGA fails some of the data sets"
SOURCE = "Section 4 and the paper's conclusion"
SECTION = ("results", "conclusions")
STUDY = "regression"
FAMILY = "paper"
RULE = (
    "a data set is failed where the mean over seeds of the error less the oracle's is above the "
    "margin (0.5 of squared error, 5% of rows); every method fails one"
)
MIN_SEEDS = 2


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data_set in data_sets(evidence):
        for method, name in METHODS.items():
            label = data_set.label(evidence)
            values = excess(evidence, data_set, method, PUBLISHED_RULE)
            what = f"error of {name} less the oracle's, data set {label}"
            rule = below(margin(evidence, data_set))
            place = {"data set": label}
            parts.append(mean(f"{name} {label}", what, values, rule, place=place))
    return parts


def _fails_one(outcomes: Outcomes, name: str) -> str:
    found = some(outcomes, f"{name} ")
    if FAILS in found:
        return HOLDS
    return OPEN if OPEN in found else FAILS


def decide(outcomes: Outcomes) -> str:
    return verdict(together([_fails_one(outcomes, name) for name in METHODS.values()]))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = []
    for name in METHODS.values():
        mine = parts_of(parts, f"{name} ")
        solved = [str(part.place["data set"]) for part in mine if part.outcome == HOLDS]
        failed = [str(part.place["data set"]) for part in mine if part.outcome == FAILS]
        words.append(f"{name} solves {listed(solved) if solved else 'none'}")
        words[-1] += f" and fails {listed(failed)}" if failed else ""
    return "; ".join(words) + "."
