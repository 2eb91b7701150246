"""Where IRM's search ends depends on the start."""

from collections.abc import Mapping

from irm_bench.books.field.settings import NEAR, decide, minima
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, fact
from irm_bench.judging.wording import percent

TITLE = "IRM's end does not depend on the start"
STATEMENT = "From any start the minimisation of IRM's objective ends at one predictor on Example 1"
SOURCE = "Arjovsky et al. 2019 give one start, of ones"
SECTION = ("irm",)
STUDY = "example_1"
FAMILY = "field"
RULE = "all starts end within 0.001 of one point"
TWIN = "AND-mask in the place of IRM"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    ends = minima(evidence, STUDY, "irm")
    share = float(ends["share"].astype(float).max())
    n_total = len(evidence.find("minima", data=STUDY, method="irm"))
    at_cause = int((ends["distance"].astype(float) < NEAR).sum())
    what = "largest share of the starts that end at one minimum"
    place = {"n": at_cause, "of": n_total}
    return [fact("share", what, share, above(0.999), place=place)]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irm": "and_mask"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    part = parts["share"]
    return (
        f"{part.place['n']} of {part.place['of']} starts end at the causal predictor; the minimum "
        f"that most end at has {percent(part.estimate)} of them."
    )
