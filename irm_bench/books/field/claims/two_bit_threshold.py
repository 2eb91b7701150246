"""Spurious invariant predictors exist below a threshold of the flips."""

from collections.abc import Mapping

import numpy as np
from scipy import optimize

from irm_bench.books.field.sems import two_bit
from irm_bench.books.field.settings import decide
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, below, fact
from irm_bench.judging.wording import num

TITLE = "They exist below a threshold alone"
STATEMENT = (
    "Spurious invariant predictors of two-bit environments exist if and only if the invariant "
    "bit flips with chance below (1 − 1/√2)/2 = 0.146"
)
SOURCE = "Kamath et al. 2021, section 4; as commonly told, not read again"
SECTION = ("bits",)
STUDY = "two_bit_near"
FAMILY = "field"
RULE = (
    "over twelve chances from 0.03 to 0.25, the least penalty of predictors with |b| ≥ "
    "0.05 is below 1e-10 where the chance is less than the threshold, and above it "
    "elsewhere"
)
TWIN = "one environment in the place of two"
MIN_SEEDS = 1
CHANCES = tuple(np.linspace(0.03, 0.25, 12))
ZERO, LEAST_WEIGHT = 1e-10, 0.05
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    threshold = (1 - 1 / np.sqrt(2)) / 2
    environments = [e.mapping for e in evidence.study(STUDY).train_sets[0]]
    wrong = sum(
        (_least_penalty(alpha, environments) < ZERO) != (alpha < threshold) for alpha in CHANCES
    )
    what = "chances for which existence and threshold disagree"
    return [fact("wrong", what, float(wrong), below(1.0), place={"threshold": threshold})]


def _least_penalty(alpha: float, environments: list[dict[str, float]]) -> float:
    """The least penalty over predictors that use the other bit, from a grid of starts."""
    moments = [two_bit.population(e, {"alpha": alpha}) for e in environments]

    def values(phi: np.ndarray) -> list[float]:
        return [float(phi @ (m.gram @ phi - m.cross)) for m in moments]

    bounds = ([-2.0, LEAST_WEIGHT], [2.0, 2.0])
    starts = [(a, b) for a in (0.2, 0.6, 1.0) for b in (0.1, 0.3, 0.6)]
    options = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    found = [optimize.least_squares(values, start, bounds=bounds, **options) for start in starts]
    return min(2 * end.cost for end in found)


def twin(evidence: Evidence) -> Evidence:
    return controls.with_training_set(evidence, STUDY, evidence.study(STUDY).train_sets[0][:1])


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    part = parts["wrong"]
    return (
        f"Of {len(CHANCES)} chances {part.estimate:g} contradict the threshold "
        f"{num(part.place['threshold'], 4)}."
    )
