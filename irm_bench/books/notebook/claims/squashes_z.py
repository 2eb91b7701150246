"""IRM makes the weights of Z almost zero: how small, and how soon."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    Outcomes,
    Part,
    below,
    mean,
    median,
    ratio,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import percent, pick, rate, say
from irm_bench.statistics.elementary import log

TITLE = "IRM squashes the weight of Z"
STATEMENT = "IRM very quickly learns to squash the weights of Z to almost zero"
SOURCE = (
    "The IRM Penalty: 'IRM very quickly learns to squash the weight on the last two parameters "
    "to almost zero'"
)
SECTION = ("penalty",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "almost zero: mean |weight| of Z below 0.05, and below a tenth of ERM's; very quickly: it "
    "stays below 0.05 from within the first tenth of the updates, for most seeds; refuted in part: "
    "almost zero, but not very quickly"
)
TWIN = "ERM is in the place of IRM"
MIN_SEEDS = 5
MARGIN = 0.05
SHARE_OF_ERM = 0.1
QUICK = 0.1
MODEL = Selection(STUDY, "irm", "split_half")


def measure(evidence: Evidence, model: Selection = MODEL) -> list[Part]:
    weight = evidence.z_weight(model)
    erm = evidence.z_weight(model.other("erm"))
    parts = [
        mean("weight", "mean |weight| of Z, IRM", weight, within(MARGIN)),
        ratio("of ERM", "mean |weight| of Z, IRM over ERM", weight, erm, below(SHARE_OF_ERM)),
    ]
    if evidence.study(model.study).trajectories:
        share = _settled(evidence, model)
        parts.append(
            median("when", "share of the updates until |weight| of Z is small", share, below(QUICK))
        )
    return [*parts, *(_others(evidence) if model == MODEL else ())]


def _others(evidence: Evidence) -> Iterator[Part]:
    """The weight with the other penalties of the study."""
    for method in evidence.study(STUDY).methods:
        if method.name == MODEL.method and method.penalty != MODEL.penalty:
            other = replace(MODEL, penalty=method.penalty)
            what = f"mean |weight| of Z, IRM ({method.penalty})"
            yield mean(f"weight {method.penalty}", what, evidence.z_weight(other))


def _settled(evidence: Evidence, model: Selection) -> pd.Series:
    """Share of all updates after which |weight| of Z stays below the margin, by seed.

    Between the recorded steps, about ten a decade, the weight is taken for a power of the step. 1
    where it is not below the margin at the end. Runs that diverged have no value.
    """
    path = evidence.rows("trajectories", model.study, **evidence.cell(model))
    z = [f"phi_{j + 1}" for j, weight in enumerate(evidence.causal(model.study)) if not weight]
    weight = path.assign(weight=path[z].abs().mean(axis=1, skipna=False))
    table = weight.pivot_table(index="seed", columns="step", values="weight", dropna=False)
    steps = table.columns.to_numpy(dtype=float)
    return table.apply(lambda path: _crossing(steps, path.to_numpy(dtype=float)), axis=1)


def _crossing(steps: np.ndarray, weight: np.ndarray) -> float:
    """The last time that a path falls below the margin, as a share of all steps."""
    if not np.isfinite(weight).all():
        return np.nan
    late = np.flatnonzero(weight >= MARGIN)
    if not len(late) or late[-1] == len(steps) - 1:
        return 1.0 if len(late) else 0.0
    before, after = late[-1], late[-1] + 1
    if steps[before] == 0:
        return float(steps[after] / steps[-1])
    x, y = log(steps[[after, before]]), log(weight[[after, before]])
    return math.exp(np.interp(math.log(MARGIN), y, x)) / float(steps[-1])


def twin(evidence: Evidence) -> Evidence:
    return controls.in_place_of(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    small = together([outcomes["weight"], outcomes["of ERM"]])
    quick = outcomes.get("when", HOLDS)
    if small == HOLDS and quick == FAILS:
        return PARTLY
    return verdict(FAILS if small == FAILS else OPEN if OPEN in (small, quick) else HOLDS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    weight, of_erm = parts["weight"], parts["of ERM"]
    text = (
        f"IRM ends with a mean |weight| of Z of {say(weight)}, "
        f"{pick(weight.outcome, 'below', 'not below', 'perhaps below')} the margin of {MARGIN:g}, "
        f"and {say(of_erm)} of ERM's, "
        f"{pick(of_erm.outcome, 'below', 'not below', 'perhaps below')} {SHARE_OF_ERM:g}."
    )
    if "when" not in parts:
        return text
    when = parts["when"]
    if when.estimate >= 1:
        return f"{text} In most seeds it is never small."
    speed = pick(when.outcome, "that is quick", "that is not quick", "that may be quick or not")
    seeds = f"{percent(when.interval.low, 3)} to {percent(when.interval.high, 3)}"
    return (
        f"{text} It stays below {MARGIN:g} after {percent(when.estimate, 3)} of the updates "
        f"(median over seeds; 95% interval {seeds}): with a limit of {rate(QUICK)}, {speed}."
    )
