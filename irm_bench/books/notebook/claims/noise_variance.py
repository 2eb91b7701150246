"""The noise in the data has the variance that the notebook derives."""

from collections.abc import Mapping

import pandas as pd

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import Outcomes, Part, mean, some, together, verdict, within
from irm_bench.judging.wording import percent, rate, spread

TITLE = "Noise variance"
STATEMENT = "The inherent uncertainty of the data is a variance of 2σ² (dσ² in general)"
SOURCE = (
    "Tracking Ideal Performance: 'the inherent uncertainty of the data … is a variance of 2σ²', "
    "'the data matches the theoretical variance very closely'"
)
SECTION = ("ideal",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = "mean sample variance of the noise within ±5% of dσ² in every training and test environment"
KIND = "check"
TWIN = "the noise has half of its variance"
MIN_SEEDS = 5
# One run of the notebook's 10,000 rows has a standard error of 1.4%.
MARGIN = 0.05


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for split in ("train", "test"):
        for environment in evidence.environments(Selection(STUDY, "erm"), split):
            variance = evidence.data(STUDY, split, environment, "noise_variance")
            where = f"{split} σ={environment['sigma']:g}"
            parts.append(
                mean(
                    where,
                    f"sample variance of the noise over dσ², {where}",
                    variance / evidence.floor(STUDY, environment),
                    within(MARGIN, 1.0),
                    1.0,
                )
            )
    return parts


def _halved(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(noise_variance=rows["noise_variance"] / 2)


def twin(evidence: Evidence) -> Evidence:
    return controls.changed(evidence, "environments", _halved)


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    worst = max(parts.values(), key=lambda part: abs(part.estimate - 1))
    where = spread({key: part.outcome for key, part in parts.items()})
    return (
        f"The mean sample variance of the noise is within {rate(MARGIN)} of dσ² {where}. The "
        f"largest deviation of a mean is {percent(abs(worst.estimate - 1))} ({worst.key})."
    )
