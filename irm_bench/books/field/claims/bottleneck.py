"""The information bottleneck changes no limit here."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import NEAR, decide, end, of_seeds
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact, mean
from irm_bench.judging.wording import num, say

TITLE = "The bottleneck makes a difference"
STATEMENT = "On the first linear unit test IB-ERM has a lower worst-case risk than ERM"
SOURCE = "Ahuja et al. 2021, Table 3: 12.96 against ERM's 13.36; as commonly told, not read again"
SECTION = ("samples",)
STUDY = "unit_regression"
FAMILY = "field"
RULE = (
    "the mean over seeds of IB-ERM's worst-case risk less ERM's is below 0 on samples; "
    "its limit, without a bottleneck, is ERM's within 0.01"
)
TWIN = "matching of predictions in the place of IB-ERM"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    first, second = (
        of_seeds(evidence, STUDY, method, "sample", "worst_risk") for method in ("ib_erm", "erm")
    )
    what = "worst-case risk of IB-ERM less that of ERM, on samples"
    gap = float(np.linalg.norm(end(evidence, STUDY, "ib_erm") - end(evidence, STUDY, "erm")))
    return [
        mean("samples", what, first - second, below(0.0)),
        fact("limit", "distance of the two limits", gap, below(NEAR)),
    ]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"ib_erm": "coral"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    part = parts["samples"]
    return (
        f"IB-ERM's worst-case risk less ERM's is {say(part)} over {part.interval.n} seeds; the "
        f"two limits are {num(parts['limit'].estimate)} apart. (The bottleneck's gain on the "
        "second unit test, and its end with more environments, is no matter of this book.)"
    )
