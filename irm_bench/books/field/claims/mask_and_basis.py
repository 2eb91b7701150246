"""AND-mask depends on the basis of the features."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.field.settings import FAR, NEAR, data_of, decide, held, told
from irm_bench.engine.limits import Pool
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact
from irm_bench.stages.locate import find_ends
from irm_bench.theory.moments import Moments

TITLE = "AND-mask depends on the basis"
STATEMENT = (
    "In rotated features AND-mask ends at another predictor than in the plain ones, and V-REx "
    "at the same"
)
SOURCE = "Aubin et al. 2021 (rotated tests); derived here"
SECTION = ("masks",)
STUDY = "example_1"
FAMILY = "field"
RULE = (
    "from the same start, the ends in features turned by 45 degrees, turned back, are "
    "further than 0.1 from those in plain ones for AND-mask, and within 0.01 for V-REx"
)
TWIN = "AND-mask and V-REx in each other's place"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    data = data_of(evidence, STUDY)
    pool = data.pool(False)
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    moments = pool.moments
    turned = Moments(
        turn.T @ moments.gram @ turn, moments.cross @ turn, moments.target, moments.mean
    )
    start = np.ones((1, 1, 2))
    parts = []
    for name, rule in (("and_mask", above(FAR)), ("vrex", below(NEAR))):
        method = evidence.map_method(name)
        plain = find_ends(method, pool, start, is_limit=True).best()[0][0]
        other = Pool(turned, pool.n_samples)
        end = find_ends(method, other, start @ turn, is_limit=True).best()[0][0]
        gap = float(np.linalg.norm(turn @ end - plain))
        what = f"distance between the two ends of {method.label}"
        parts.append(fact(name, what, gap, rule))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"and_mask": "vrex", "vrex": "and_mask"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
