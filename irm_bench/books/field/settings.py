"""What every claim of this book looks up, and the words that many share."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    HOLDS,
    Outcomes,
    Part,
    below,
    fact,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, num
from irm_bench.stages.locate import DISTANCE, LIMIT, Data

# Limits this near to a point are at it: searches end within a tenth of it.
NEAR = 0.01
# A method this far from the invariant predictor has not found it.
FAR = 0.1
CAUSE, EFFECT, NOTHING = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.zeros(2)
# Methods whose limits agree on Example 1 and its dual.
RIVALS = ("vrex", "mm_rex", "iga", "causal_dantzig", "drig")


def label(evidence: Evidence, method: str) -> str:
    """What the page calls a method."""
    return evidence.map_method(method).label


def of_seeds(evidence: Evidence, data: str, method: str, regime: str, quantity: str) -> pd.Series:
    """A quantity of the map by seed; NaN where there is none."""
    where = {"data": data, "method": method, "regime": regime, "quantity": quantity}
    return evidence.find("map_runs", **where).set_index("seed")["value"].astype(float)


def limit(evidence: Evidence, data: str, method: str, quantity: str = DISTANCE) -> float:
    """A quantity of the map in the limit, averaged over what the data model draws; NaN: none."""
    return float(of_seeds(evidence, data, method, LIMIT, quantity).mean())


def end(evidence: Evidence, data: str, method: str) -> np.ndarray:
    """φ (d,) where a method tends to: of its minima the one of the least objective."""
    found = evidence.find("minima", data=data, method=method)
    found = found[found["converged"] == 1]
    if found.empty:
        raise InsufficientError(f"has no limit of {method} on {data}")
    best = found.loc[found["objective"].astype(float).idxmin()]
    names = [name for name in found if str(name).startswith("phi_")]
    phi = best[names].to_numpy(dtype=float)
    return phi[np.isfinite(phi)]


def minima(evidence: Evidence, data: str, method: str) -> pd.DataFrame:
    """The ends of a method's starts that are minima."""
    found = evidence.find("minima", data=data, method=method)
    return found[found["converged"] == 1]


def at(evidence: Evidence, data: str, method: str, point: np.ndarray, name: str) -> Part:
    """That a method tends to a point of a name."""
    off = float(np.linalg.norm(end(evidence, data, method) - point))
    what = f"distance of the limit of {label(evidence, method)} on {data} to {name}"
    place = {"method": label(evidence, method), "data": data, "point": name}
    return fact(f"{method} on {data}", what, off, below(NEAR), place=place)


def data_of(evidence: Evidence, study: str) -> Data:
    """The exact data of a study."""
    return Data(evidence.config, evidence.study(study), LIMIT)


def decide(outcomes: Outcomes) -> str:
    """Supported if all parts hold, refuted if one fails."""
    return verdict(together(some(outcomes)))


def some_parts(parts: list[Part], what: str) -> list[Part]:
    """The parts of a claim.

    Raises:
        InsufficientError: there are none.
    """
    if not parts:
        raise InsufficientError(f"needs {what}, which the map does not have")
    return parts


def told(parts: Mapping[str, Part]) -> str:
    """Every part as ``quantity: estimate``, those that fail marked."""
    words = []
    for part in parts.values():
        mark = "" if part.outcome in (HOLDS, "") else " (fails)"
        words.append(f"{part.key} {num(part.estimate)}{mark}")
    return listed(words)


def held(parts: Mapping[str, Part]) -> str:
    """``4 of 5``: how many parts hold."""
    n_held = sum(part.outcome == HOLDS for part in parts.values())
    return f"{n_held} of {len(parts)}"
