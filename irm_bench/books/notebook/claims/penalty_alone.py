"""Without the error term the penalty's solutions are a whole curve, and the start decides."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import FAILS, Outcomes, Part, above, below, fact, mean, verdict
from irm_bench.judging.wording import num, pick, say

TITLE = "The penalty alone has a curve of solutions"
STATEMENT = (
    "With the penalty alone the solution set is a whole curve and the start decides where training "
    "ends; in unlimited time the small error term picks one solution"
)
SOURCE = "Beyond the notebook, which never asks what its 1e-5 · error does"
SECTION = ("conclusions",)
STUDY = "notebook"
FAMILY = "beyond"
RULE = (
    "with exact moments and random starts, descent followed to its end: the penalty "
    "vanishes at every end, and the ends without the error term lie apart (mean distance "
    "from their centre above 0.1), with it together (largest distance below 0.001)"
)
TWIN = "every descent ends in one point"
MIN_SEEDS = 5
ZERO = 1e-10
APART = 0.1
TOGETHER = 1e-3


def measure(evidence: Evidence) -> list[Part]:
    starts = evidence.rows("starts", STUDY)
    ended = starts[starts["converged"] == 1]
    alone, weighted = ended[ended["error_weight"] == 0], ended[ended["error_weight"] > 0]
    if alone.empty or weighted.empty:
        raise InsufficientError("needs descents from random starts that end, with ε = 0 and above")
    penalty = float(alone["penalty_value"].max())
    spread, close = (_spread(part) for part in (alone, weighted))
    n = len(alone)
    return [
        mean(
            "apart", "distance of an end from the ends' centre, penalty alone", spread, above(APART)
        ),
        fact("zero", "largest penalty at an end, penalty alone", penalty, below(ZERO), n=n),
        fact(
            "together",
            "the same with the error term, largest",
            float(close.max()),
            below(TOGETHER),
            n=n,
        ),
        *_curve(evidence, alone),
    ]


def _phi(ends: pd.DataFrame) -> pd.DataFrame:
    return ends.set_index("seed")[[c for c in ends if str(c).startswith("phi_")]].dropna(axis=1)


def _spread(ends: pd.DataFrame) -> pd.Series:
    """Distance of every end from the mean of all, by seed of the start."""
    phi = _phi(ends)
    return np.sqrt(((phi - phi.mean()) ** 2).sum(axis=1))


def _curve(evidence: Evidence, ends: pd.DataFrame) -> list[Part]:
    """How far the ends lie from the closed form of the curve, if the SEM knows one."""
    sem = evidence.study(STUDY).model.sem.load()
    if not hasattr(sem, "penalty_zero"):
        return []
    phi = _phi(ends).to_numpy(dtype=float)
    dim = evidence.study(STUDY).model.option["dim"]
    nearest = sem.penalty_zero(phi[:, :dim] - 0.5)
    far = float(np.linalg.norm(phi - nearest, axis=1).max())
    return [
        fact(
            "on the curve",
            "largest distance of an end from the closed form",
            far,
            below(TOGETHER),
            n=len(phi),
        )
    ]


def _single(rows: pd.DataFrame) -> pd.DataFrame:
    """Every end within a thousandth of the first."""
    names = [str(name) for name in rows if str(name).startswith("phi_")]
    near = rows[names].iloc[0].to_numpy(dtype=float) + 1e-3 * rows[names].to_numpy(dtype=float)
    return rows.assign(**dict(zip(names, near.T, strict=True)))


def twin(evidence: Evidence) -> Evidence:
    return controls.changed(evidence, "starts", _single)


def decide(outcomes: Outcomes) -> str:
    facts = [outcome for key, outcome in outcomes.items() if key != "apart"]
    return verdict(FAILS if FAILS in facts else outcomes["apart"])


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    apart, zero, close = (parts[key] for key in ("apart", "zero", "together"))
    spread = pick(apart.outcome, "apart", "together", "perhaps apart")
    flat = pick(
        zero.outcome, "is 0 to the accuracy of the solver", f"reaches {num(zero.estimate, 2)}"
    )
    text = (
        f"From {apart.interval.n} random starts, the penalty alone ends {spread}: at a distance of "
        f"{say(apart)} from their centre, where the penalty {flat}."
    )
    if "on the curve" in parts:
        curve = parts["on the curve"]
        on = pick(curve.outcome, "lie", "do not all lie")
        text += f" The ends {on} on b = 0, ‖a − ½‖² = d/4, to {num(TOGETHER)}."
    same = pick(close.outcome, "all end in one point", "end apart too")
    return (
        f"{text} With the error term, and no limit to the number of updates, they {same} (within "
        f"{num(close.estimate, 2)}). That is not what a training of finite length does."
    )
