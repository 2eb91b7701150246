"""Which methods withstand a hidden cause."""

from collections.abc import Mapping

from irm_bench.books.field.settings import CAUSE, FAR, RIVALS, at, decide, held, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, fact

TITLE = "A hidden cause is no obstacle to the rivals, but to IRM"
STATEMENT = (
    "With a hidden cause and noise added to the features V-REx, MM-REx, IGA, causal Dantzig "
    "and DRIG tend to the causal predictor, and IRM does not"
)
SOURCE = (
    "Rothenhäusler, Bühlmann and Meinshausen 2019, for causal Dantzig; derived here for the others"
)
SECTION = ("assumptions",)
STUDY = "confounded"
FAMILY = "field"
RULE = (
    "the limits of the five are within 0.01 of the causal predictor, and IRM's is further than 0.1"
)
TWIN = "Example 1 in the place of the data with a hidden cause"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = [at(evidence, STUDY, method, CAUSE, "the causal predictor") for method in RIVALS]
    what = "distance of IRM's limit to the causal predictor"
    return [*parts, fact("irm", what, limit(evidence, STUDY, "irm"), above(FAR))]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, data={"confounded": "example_1"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
