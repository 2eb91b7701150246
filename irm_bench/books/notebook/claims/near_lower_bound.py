"""IRM comes very close to the best possible error, in absolute and in relative terms."""

from collections.abc import Mapping

import numpy as np

from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    LIMITED,
    OPEN,
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
    "in every training and test environment, mean MSE within a tenth of dσ² (relative), and within "
    "a tenth of the average dσ² of the training environments (absolute); limited: only the second"
)
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
            mse = evidence.error(model, environment, split)
            where = f"{split} σ={environment['sigma']:g}"
            relative, absolute = f"MSE over dσ², {where}", f"MSE less dσ², {where}"
            place, near = {"where": where}, within(TENTH, 1)
            parts.append(mean(f"relative {where}", relative, mse / floor, near, place=place))
            parts.append(
                mean(f"absolute {where}", absolute, mse - floor, within(margin), place=place)
            )
    return parts


def decide(outcomes: Outcomes) -> str:
    absolute, relative = (together(some(outcomes, kind)) for kind in ("absolute", "relative"))
    if absolute == HOLDS and relative == FAILS:
        return LIMITED
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
        f"In absolute terms IRM's MSE is within ±{num(margin.bound)} of dσ² {near} (farthest: "
        f"{_worst(absolute, 0)}). In relative terms it is within ±{rate(TENTH)} of dσ² "
        f"{relatively} (farthest: {_worst(relative, 1)} times dσ²)."
    )


def _worst(parts: Mapping[str, Part], target: float) -> str:
    key, part = max(parts.items(), key=lambda item: abs(item[1].estimate - target))
    return f"at {key}, {say(part)}"
