"""IRM comes very close to the best possible error, in absolute and in relative terms."""

from collections.abc import Mapping

import numpy as np

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    Outcomes,
    Part,
    mean,
    parts_of,
    some,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import num, rate, say, spread

TITLE = "IRM is close to the lower bound"
STATEMENT = (
    "IRM reaches very close to the theoretical lower bound of the error in every environment"
)
SOURCE = (
    "Tracking Ideal Performance: 'IRM reaches very close to this theoretical lower bound!'; "
    "Where Does IRM Help?: 'IRM is very close to the theoretical best possible performance'"
)
SECTION = ("ideal",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "in every training and test environment, mean MSE less the oracle's on the same rows within a "
    "tenth of dσ² (relative), and within a tenth of the average dσ² of the training environments "
    "(absolute); refuted in part: only the second holds"
)
TWIN = "ERM is in the place of IRM"
MIN_SEEDS = 5
TENTH = 0.1
MODEL = Selection(STUDY, "irm", "split_half")


def measure(evidence: Evidence, model: Selection = MODEL) -> list[Part]:
    floors = [evidence.floor(model.study, e) for e in evidence.environments(model, "train")]
    margin = TENTH * float(np.mean(floors))
    parts = []
    for split in ("test", "train"):
        for environment in evidence.environments(model, split):
            floor = evidence.floor(model.study, environment)
            # on the same rows: what the rows' noise adds to both errors goes
            oracle = evidence.data(model.study, split, environment, "oracle_mse")
            excess = evidence.error(model, environment, split) - oracle
            where = f"{split} σ={environment['sigma']:g}"
            place = {"where": where, "times": margin / floor}
            what, near = f"MSE less the oracle's, {where}", within(margin)
            parts.append(mean(f"absolute {where}", what, excess, near, place=place))
            what, near = f"MSE less the oracle's over dσ², {where}", within(TENTH)
            parts.append(mean(f"relative {where}", what, excess / floor, near, place=place))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.in_place_of(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    absolute, relative = (together(some(outcomes, kind)) for kind in ("absolute", "relative"))
    if absolute == HOLDS and relative == FAILS:
        return PARTLY
    return verdict(FAILS if absolute == FAILS else OPEN if OPEN in (absolute, relative) else HOLDS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    absolute, relative = (
        {part.place["where"]: part for part in parts_of(parts, kind)}
        for kind in ("absolute", "relative")
    )
    margin = next(iter(absolute.values())).rule
    assert margin is not None
    near, relatively = (
        spread({key: part.outcome for key, part in found.items()}) for found in (absolute, relative)
    )
    return (
        f"In absolute terms IRM's MSE is within ±{num(margin.bound)} of the oracle's on the same "
        f"rows {near} (farthest: {_worst(absolute)}); where the noise is least that margin is "
        f"{num(max(part.place['times'] for part in absolute.values()))} times the floor. In "
        f"relative terms it is within ±{rate(TENTH)} of dσ² {relatively} (farthest: "
        f"{_worst(relative)} of dσ²)."
    )


def _worst(parts: Mapping[str, Part]) -> str:
    key, part = max(parts.items(), key=lambda item: abs(item[1].estimate))
    return f"at {key}, {say(part)}"
