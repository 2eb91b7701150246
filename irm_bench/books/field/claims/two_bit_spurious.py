"""Two-bit environments with like flips mislead IRM."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import at, data_of, decide, held, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part

TITLE = "IRM is misled by two-bit environments"
STATEMENT = (
    "In two-bit environments whose flips are alike IRM tends to a spurious predictor, a = "
    "1/(2r), b = √(½ − 1/(4r²))"
)
SOURCE = "Kamath et al. 2021, section 4, for the squared loss; as commonly told, not read again"
SECTION = ("bits",)
STUDY = "two_bit_near"
FAMILY = "field"
RULE = (
    "IRM's limit is within 0.01 of the formula, and on environments with unlike flips "
    "within 0.01 of the invariant predictor"
)
TWIN = "IRMX in the place of IRM"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    r = float(data_of(evidence, STUDY).causal[0, 0])
    formula = np.array([1 / (2 * r), np.sqrt(0.5 - 1 / (4 * r**2))])
    return [
        at(evidence, STUDY, "irm", formula, "the formula"),
        at(evidence, "two_bit_far", "irm", np.array([r, 0.0]), "the invariant predictor"),
    ]


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"irm": "irmx"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
