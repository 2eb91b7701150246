"""On samples ERM is the nearer one under covariate shift."""

from collections.abc import Mapping

from irm_bench.books.field.settings import decide, of_seeds
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, mean
from irm_bench.judging.wording import say

TITLE = "Where the limit is shared, ERM needs fewer rows"
STATEMENT = "Under covariate shift ERM is nearer to the invariant predictor than IRM on a sample"
SOURCE = "Ahuja et al. 2020; as commonly told, not read again"
SECTION = ("samples",)
STUDY = "covariate_shift"
FAMILY = "field"
RULE = "the mean over seeds of IRM's distance less ERM's is above 0"
TWIN = "ERM and IRM in each other's place"
MIN_SEEDS = 5
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    irm, erm = (
        of_seeds(evidence, STUDY, method, "sample", "distance") for method in ("irm", "erm")
    )
    return [mean("gap", "distance of IRM less that of ERM, on samples", irm - erm, above(0.0))]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"erm": "irm", "irm": "erm"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    part = parts["gap"]
    return f"IRM's distance less ERM's is {say(part)} over {part.interval.n} seeds."
