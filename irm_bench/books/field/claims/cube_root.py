"""IRM's bias falls like the cube root of the weight."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irm_bench.books.field.settings import data_of, decide
from irm_bench.engine import limits
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, fact, within
from irm_bench.judging.wording import num

TITLE = "IRM's bias falls like λ to the power −1/3"
STATEMENT = "The distance of IRM's minimum to the causal predictor falls like λ^(−1/3)"
SOURCE = (
    "Derived here: along the valley of the penalty the penalty grows like the fourth power of "
    "the distance"
)
SECTION = ("irm",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "the slope of log distance over log error weight, between 1e-7 and 1e-4, is within 0.02 of 1/3"
)
TWIN = "the data with a hidden cause in the place of Example 1"
MIN_SEEDS = 1
WEIGHTS = (1e-4, 1e-5, 1e-6, 1e-7)
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    data = data_of(evidence, STUDY)
    pool = data.pool(False)
    method = evidence.map_method("irm")
    penalty: Any = method.penalty.load() if method.penalty else None
    start = data.causal[None] + 0.01
    distances = []
    for weight in WEIGHTS:
        params = {"error_weight": float(weight)}
        ends = limits.ends(method.plugin.load(), penalty, pool, start, params, {}, False)
        distances.append(float(np.linalg.norm(ends.phi[0, 0] - data.causal[0])))
    slope = float(np.polyfit(np.log(WEIGHTS), np.log(distances), 1)[0])
    what = "slope of log distance over log error weight"
    place = {"first": distances[0], "last": distances[-1]}
    return [fact("slope", what, slope, within(0.02, 1 / 3), truth=1 / 3, place=place)]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, data={"example_1": "confounded"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    part = parts["slope"]
    return (
        f"The slope is {num(part.estimate)}: from weight {WEIGHTS[0]:g} to {WEIGHTS[-1]:g} the "
        f"distance goes from {num(part.place['first'])} to {num(part.place['last'])}."
    )
