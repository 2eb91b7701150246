"""No method finds the invariant predictor on all data."""

from collections.abc import Mapping

from irm_bench.books.field.settings import NEAR, decide, limit
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact
from irm_bench.judging.wording import listed

TITLE = "No method is right everywhere"
STATEMENT = "No method tends to the invariant predictor on all the data of the map"
SOURCE = "Derived here"
SECTION = ("map",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "every method of the map that is no control is further than 0.01 from the invariant "
    "predictor, or has no answer, on some data"
)
TWIN = "the covariate shift in the place of all data"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    config_map = evidence.config.map
    for method in config_map.methods if config_map else ():
        if method.plugin.get("IS_CONTROL", False):
            continue
        right = 0
        for study in evidence.config.studies:
            right += bool(limit(evidence, study.name, method.name) < NEAR)
        n_data = len(evidence.config.studies)
        what = f"data sets of {n_data} on which {method.label} tends to the invariant predictor"
        place = {"of": n_data, "label": method.label}
        parts.append(fact(method.name, what, float(right), below(n_data), place=place))
    return parts


def twin(evidence: Evidence) -> Evidence:
    everywhere = {study.name: "covariate_shift" for study in evidence.config.studies}
    return controls.on_map(evidence, data=everywhere)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ordered = sorted(parts.values(), key=lambda part: -part.estimate)
    told = listed(f"{part.place['label']} {part.estimate:g}" for part in ordered)
    return f"Of {ordered[0].place['of']} data sets each is right on: {told}."
