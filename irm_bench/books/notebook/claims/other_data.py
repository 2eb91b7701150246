"""Whether the notebook's conclusions hang on Gaussian noise and on two causes and two effects."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from irm_bench.books.notebook import conclusions
from irm_bench.books.notebook.conclusions import REFERENCE, Setting, decide
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import Part

TITLE = "The conclusions do not hang on the noise or the number of features"
STATEMENT = (
    "The notebook's conclusions about IRM stand with noise that is heavy-tailed or skewed, and "
    "with one or five causes and effects"
)
SOURCE = "Beyond the notebook, which draws Gaussian noise, two causes and two effects"
SECTION = ("robustness",)
STUDY = "heavy_tails"
STUDIES = {
    "gaussian_pair": "Gaussian noise, one cause and one effect",
    STUDY: "t₅ noise, one cause and one effect",
    "skewed_noise": "skewed noise, one cause and one effect",
    "five_causes": "Gaussian noise, five causes and five effects",
}
FAMILY = "left open"
RULE = (
    "the verdicts on the weight of Z, the averages, the crossing and the lower bound are those of "
    "the notebook's own data in every setting; refuted in part: some of the four are"
)
TWIN = "on all other data ERM is in the place of IRM"
MIN_SEEDS = 5
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    return conclusions.kept(evidence, list(settings(evidence)))


def settings(evidence: Evidence) -> Iterator[Setting]:
    """The studies of other data that the config has."""
    evidence.study(STUDY)
    for study, name in STUDIES.items():
        try:
            evidence.study(study)
        except InsufficientError:
            continue
        yield Setting(name, replace(REFERENCE, study=study))


class _ErmInstead(Evidence):
    """ERM in the place of IRM in the studies of other data."""

    def cell(self, model: Selection) -> dict[str, Any]:
        return super().cell(model.other("erm") if model.study in STUDIES else model)


def twin(evidence: Evidence) -> Evidence:
    return _ErmInstead(evidence.config, evidence.tables, evidence.findings)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return conclusions.told(parts)
