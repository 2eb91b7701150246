"""More environments of the same family do not identify more."""

from collections.abc import Iterator, Mapping

import numpy as np

from irm_bench.config import Environment
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FACT,
    Outcomes,
    Part,
    fact,
    mean,
    parts_of,
    some,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import listed, pick, say

TITLE = "More environments add nothing"
STATEMENT = (
    "More environments of this family add nothing to the identification of the causal weights"
)
SOURCE = "Beyond the notebook, which trains on two environments"
SECTION = ("conclusions",)
STUDY = "sigma_grid"
FAMILY = "beyond"
RULE = (
    "for each larger training set and the pair of its smallest and largest σ: as many independent "
    "constraints on φ, and a mean difference in |weight| of Z within ±0.02"
)
MIN_SEEDS = 5
MARGIN = 0.02
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
    differences = [_difference(evidence, large, pair) for large, pair in found]
    return [*differences, *(p for large, pair in found for p in _ranks(evidence, large, pair))]


def _ends(large: Train, pair: Train) -> bool:
    return len(pair) == 2 and (large[0], large[-1]) == pair


def _name(train: Train) -> str:
    return "(" + ", ".join(f"{environment['sigma']:g}" for environment in train) + ")"


def _difference(evidence: Evidence, large: Train, pair: Train) -> Part:
    ours, theirs = (
        evidence.z_weight(Selection(STUDY, "irm", PENALTY, train=train)) for train in (large, pair)
    )
    what = f"|weight| of Z, trained on {_name(large)} less trained on {_name(pair)}"
    key, place = f"weight {_name(large)}", {"train": _name(large)}
    return mean(key, what, ours - theirs, within(MARGIN), place=place)


def _ranks(evidence: Evidence, large: Train, pair: Train) -> Iterator[Part]:
    """Independent constraints q_e(φ) = 0 among the environments: the rank of their moments."""
    rank, of_pair = (_rank(evidence, train) for train in (large, pair))
    what = f"independent constraints of {_name(large)}"
    yield fact(f"rank {_name(large)}", what, rank, within(0.5, of_pair), of_pair)


def _rank(evidence: Evidence, train: Train) -> float:
    population = evidence.population(STUDY, train)
    rows = np.column_stack([population.gram.reshape(len(train), -1), population.cross])
    return float(np.linalg.matrix_rank(rows))


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ranks = [part for part in parts.values() if part.role == FACT]
    words = []
    for part in parts_of(parts, "weight"):
        near = pick(part.outcome, "within", "not within", "perhaps within")
        words.append(f"{say(part)} for {part.place['train']}, {near} ±{MARGIN:g}")
    fixed = pick(
        together([part.outcome for part in ranks]),
        f"{ranks[0].estimate:.0f} independent constraints, as many as the pair of its ends",
        "other numbers of independent constraints than the pair of its ends",
        "",
    )
    return (
        f"Each larger set has {fixed}. Against that pair, the trained |weight| of Z differs by "
        f"{listed(words)}."
    )
