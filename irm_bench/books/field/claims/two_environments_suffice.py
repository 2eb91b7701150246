"""IRM needs fewer environments than Theorem 9 of its paper counts."""

from collections.abc import Mapping

from irm_bench.books.field.settings import NEAR, limit
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    HOLDS,
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    Outcomes,
    Part,
    above,
    fact,
)
from irm_bench.judging.wording import num

TITLE = "IRM needs as many environments as its theorem counts"
STATEMENT = "Example 1 needs d − r + d/r environments for IRM to find the causes"
SOURCE = "Arjovsky et al. 2019, Theorem 9 (which says that they suffice)"
SECTION = ("irm",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "refuted if IRM's limit is within 0.01 of the causal predictor on fewer environments "
    "than d − r + d/r, with d features of which r are causes"
)
TWIN = "the oracle in the place of IRM"
MIN_SEEDS = 1


def measure(evidence: Evidence) -> list[Part]:
    study = evidence.study(STUDY)
    d = study.model.n_features
    r = sum(role == "cause" for role in study.model.roles)
    needed, given = d - r + d / r, len(study.train_sets[0])
    off = limit(evidence, STUDY, "irm")
    lacking = fact(
        "lacking",
        "environments that the count asks for less those there are",
        needed - given,
        above(0.0),
        place={"needed": needed, "given": given},
    )
    return [
        fact("distance", "distance of IRM's limit to the causal predictor", off, above(NEAR)),
        lacking,
    ]


def decide(outcomes: Outcomes) -> str:
    if outcomes["lacking"] != HOLDS:
        return INCONCLUSIVE
    return SUPPORTED if outcomes["distance"] == HOLDS else REFUTED


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irm": "oracle"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    place = parts["lacking"].place
    return (
        f"The count is {place['needed']:g}; on {place['given']} environments IRM's limit is "
        f"{num(parts['distance'].estimate)} from the causal predictor."
    )
