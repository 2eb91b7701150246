"""What ten thousand updates of Adam leave unfinished."""

from collections.abc import Mapping

from irm_bench.books.unit_tests.settings import PUBLISHED_RULE, DataSet, errors
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    HOLDS,
    Outcomes,
    Part,
    above,
    mean,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, say

TITLE = "Training is not finished"
STATEMENT = "IRM's and IGA's errors on example 1 change after the ten thousand updates"
SOURCE = "Beyond the paper, which has ten thousand updates"
SECTION = ("training",)
STUDY = "regression_longer"
FAMILY = "choice"
RULE = (
    "with the published hyper-parameters, the absolute change of the error by ten times as many "
    "updates is above 0.1 on average over seeds, for both methods, plain and scrambled"
)
MIN_SEEDS = 10
SHORT = "regression_published"
CHANGE = 0.1
NAMES = {"irm": "IRM", "iga": "IGA"}


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for method, name in NAMES.items():
        for model in evidence.study(STUDY).models:
            scramble = model.option["scramble"]
            longer = errors(evidence, DataSet(STUDY, scramble), method, PUBLISHED_RULE)
            short = errors(evidence, DataSet(SHORT, scramble), method, PUBLISHED_RULE)
            change = longer - short.reindex(longer.index)
            key = f"{name} {DataSet(STUDY, scramble).label(evidence)}"
            what = f"absolute change of the error of {key}"
            parts.append(mean(key, what, change.abs(), above(CHANGE)))
            parts.append(mean(f"change {key}", f"change of the error of {key}", change))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    changed = [part.key for part in parts.values() if part.outcome == HOLDS]
    signed = [part for part in parts.values() if part.key.startswith("change ")]
    told = listed(f"{say(part)} ({part.key.removeprefix('change ')})" for part in signed)
    first = f"The errors of {listed(changed)} change" if changed else "No error clearly changes"
    return f"{first} by more than {CHANGE:g}; the mean changes are {told}."
