"""Whether the notebook's conclusions hang on how the models are trained."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from irm_bench.books.notebook import conclusions
from irm_bench.books.notebook.conclusions import REFERENCE, Setting, decide
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import Part

TITLE = "The conclusions do not hang on how training is done"
STATEMENT = (
    "The notebook's conclusions about IRM stand however long, how fast, by which optimiser and "
    "from where it is trained"
)
SOURCE = (
    "Beyond the notebook, which trains in one way: 50,000 updates of gradient descent at 1e-3, "
    "from ones"
)
SECTION = ("robustness",)
STUDY = "robustness"
STUDIES = (STUDY, "robustness_short")
FAMILY = "left open"
RULE = (
    "the verdicts on the weight of Z, the averages, the crossing and the lower bound are those of "
    "the notebook's own training in every setting; refuted in part: some of the four are"
)
TWIN = "in every setting ERM is in the place of IRM"
MIN_SEEDS = 5
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    return conclusions.kept(evidence, list(settings(evidence)))


def settings(evidence: Evidence) -> Iterator[Setting]:
    """Every number of updates, rate, optimiser and start."""
    evidence.study(STUDY)
    for name in STUDIES:
        try:
            study = evidence.study(name)
        except InsufficientError:
            continue
        choices = (study.learning_rate.values, study.optimisers, study.starts)
        for rate, optimiser, start in itertools.product(*choices):
            how = str(optimiser.plugin.get("LABEL", optimiser.plugin.name))
            model = replace(
                REFERENCE, study=name, rate=rate, optimiser=optimiser.plugin.name, start=start
            )
            yield Setting(f"{study.steps:,} updates, {how}, rate {rate:g}, start {start}", model)


class _ErmInstead(Evidence):
    """ERM in the place of IRM in the studies of other trainings."""

    def cell(self, model: Selection) -> dict[str, Any]:
        return super().cell(model.other("erm") if model.study in STUDIES else model)


def twin(evidence: Evidence) -> Evidence:
    return _ErmInstead(evidence.config, evidence.tables, evidence.findings)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return conclusions.told(parts)
