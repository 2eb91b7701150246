"""More environments of the same family do not identify more."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from irm_bench.config import Environment
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FACT,
    SECONDARY,
    Outcomes,
    Part,
    above,
    below,
    fact,
    mean,
    parts_of,
    some,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import listed, num, pick, rate, say
from irm_bench.statistics.intervals import Interval

TITLE = "More environments add nothing"
STATEMENT = (
    "More environments of this family add nothing to the identification of the causal weights"
)
SOURCE = "Beyond the notebook, which trains on two environments"
SECTION = ("conclusions",)
STUDY = "sigma_grid"
FAMILY = "beyond"
RULE = (
    "for each larger training set and the pair of its smallest and largest σ, trained at the same "
    "rate: as many independent constraints on φ, and a mean |weight| of Z between 0.8 and 1.2 "
    "times the pair's"
)
TWIN = "ERM is in the place of IRM with the larger sets"
MIN_SEEDS = 5
# The margin is a share of what is compared: the pair's own weight.
SHARE = 0.2
PENALTY = "plug_in"

Train = tuple[Environment, ...]


def measure(evidence: Evidence) -> list[Part]:
    sets = evidence.study(STUDY).train_sets
    found = [
        (large, pair) for large in sets if len(large) > 2 for pair in sets if _ends(large, pair)
    ]
    if not found:
        raise InsufficientError(
            f"needs a training set of three or more σ, and the pair of its ends, in {STUDY!r}"
        )
    alike = [pair for pair in found if _rate(evidence, pair[0]) == _rate(evidence, pair[1])]
    if not alike:
        raise InsufficientError("needs a larger set that is trained at the rate of its ends' pair")
    parts = [part for large, pair in alike for part in _ratio(evidence, large, pair)]
    parts += [part for large, pair in found for part in _ranks(evidence, large, pair)]
    parts += [_spread(evidence, large, pair) for large, pair in found]
    parts += [_other_rate(evidence, *pair) for pair in found if pair not in alike]
    return parts


def _ends(large: Train, pair: Train) -> bool:
    return len(pair) == 2 and (large[0], large[-1]) == pair


def _name(train: Train) -> str:
    return "(" + ", ".join(f"{environment['sigma']:g}" for environment in train) + ")"


def _model(train: Train) -> Selection:
    return Selection(STUDY, "irm", PENALTY, train=train)


def _rate(evidence: Evidence, train: Train) -> float:
    return float(evidence.cell(_model(train))["learning_rate"])


def _ratio(evidence: Evidence, large: Train, pair: Train) -> Iterator[Part]:
    """|weight| of Z against the pair's: their difference, and whether it is within the margin.

    That the mean of ours less 1.2 times theirs is below 0, by seed, is that the ratio of the means
    is below 1.2 (Fieller): no estimate is divided by another.
    """
    ours, theirs = (evidence.z_weight(_model(train)) for train in (large, pair))
    name, of_pair = _name(large), _name(pair)
    what = f"|weight| of Z, trained on {name} less trained on {of_pair}"
    place = {"train": name, "pair": float(theirs.mean())}
    yield mean(f"difference {name}", what, ours - theirs, place=place)
    for key, factor, rule in (("most", 1 + SHARE, below(0.0)), ("least", 1 - SHARE, above(0.0))):
        what = f"|weight| of Z, trained on {name} less {factor:g} times that on {of_pair}"
        yield mean(f"{key} {name}", what, ours - factor * theirs, rule, place=place)


def _spread(evidence: Evidence, large: Train, pair: Train) -> Part:
    """How many times as far seeds spread with the larger set; a ratio of standard deviations."""
    ours, theirs = (evidence.z_weight(_model(train)) for train in (large, pair))
    what = f"standard deviation over seeds of |weight| of Z, {_name(large)} over {_name(pair)}"
    interval = Interval(float(ours.std() / theirs.std()), np.nan, np.nan, 0.95, "", len(ours))
    place = {"train": _name(large)}
    return Part(f"spread {_name(large)}", what, interval, role=SECONDARY, place=place)


def _other_rate(evidence: Evidence, large: Train, pair: Train) -> Part:
    """A pair that is not tested, for training went at another rate."""
    ratio = _rate(evidence, large) / _rate(evidence, pair)
    what = f"learning rate of {_name(large)} over that of {_name(pair)}: not compared"
    interval = Interval(ratio, np.nan, np.nan, 0.95, "", 1)
    place = {"train": _name(large)}
    return Part(f"rate {_name(large)}", what, interval, role=SECONDARY, place=place)


def _ranks(evidence: Evidence, large: Train, pair: Train) -> Iterator[Part]:
    """Independent constraints q_e(φ) = 0 among the environments: the rank of their moments."""
    rank, of_pair = (_rank(evidence, train) for train in (large, pair))
    what = f"independent constraints of {_name(large)}"
    yield fact(f"rank {_name(large)}", what, rank, within(0.5, of_pair), of_pair)


def _rank(evidence: Evidence, train: Train) -> float:
    population = evidence.population(STUDY, train)
    rows = np.column_stack([population.gram.reshape(len(train), -1), population.cross])
    return float(np.linalg.matrix_rank(rows))


class _LargerSets(Evidence):
    """ERM in the place of IRM, but with two environments."""

    def z_weight(self, model: Selection, table: str = "models") -> pd.Series:
        is_larger = len(self.train_set(model)) > 2
        return super().z_weight(model.other("erm") if is_larger else model, table)


def twin(evidence: Evidence) -> Evidence:
    return _LargerSets(evidence.config, evidence.tables, evidence.findings)


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ranks = [part for part in parts.values() if part.role == FACT]
    words = []
    for part in parts_of(parts, "difference"):
        name = part.place["train"]
        near = together([parts[f"{key} {name}"].outcome for key in ("most", "least")])
        said = pick(near, "within", "not within", "perhaps within")
        words.append(
            f"{say(part)} for {name}, {said} ±{rate(SHARE)} of the pair's {num(part.place['pair'])}"
        )
    spreads = [part.estimate for part in parts_of(parts, "spread")]
    others = [part.place["train"] for part in parts_of(parts, "rate")]
    apart = f" Trained at another rate, and so not compared: {listed(others)}." if others else ""
    fixed = pick(
        together([part.outcome for part in ranks]),
        f"{ranks[0].estimate:.0f} independent constraints, as many as the pair of its ends",
        "other numbers of independent constraints than the pair of its ends",
        "",
    )
    return (
        f"Each larger set has {fixed}. Against that pair, the trained |weight| of Z differs by "
        f"{listed(words)}. Over seeds it spreads {num(min(spreads))} to {num(max(spreads))} times "
        f"as far.{apart}"
    )
