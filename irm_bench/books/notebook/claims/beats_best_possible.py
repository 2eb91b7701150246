"""ERM's error is below the 'best possible' one where σ is large."""

from collections.abc import Mapping

from irm_bench import theory
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import Outcomes, Part, below, mean, some, together, verdict
from irm_bench.judging.wording import listed, num, pick, say

TITLE = "ERM beats the 'best possible' error"
STATEMENT = "The standard model is even better than the best possible error, at σ = 1"
SOURCE = (
    "Where Does IRM Help?: 'strangely, the standard model is even better than best possible! This "
    "is because it exploits a correlation between Y and Z'"
)
SECTION = ("where",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "mean over seeds of ERM's MSE less the oracle's, on the same rows, below 0 at the largest σ of "
    "the training and of the test environments"
)
TWIN = "it is asked at the smallest σ, not at the largest"
MIN_SEEDS = 5
MODEL = Selection(STUDY, "erm")


def measure(evidence: Evidence) -> list[Part]:
    population = evidence.population(STUDY, evidence.train_set(MODEL))
    exact = theory.pooled_least_squares(population)
    parts = []
    for split in ("test", "train"):
        environment = evidence.environments(MODEL, split)[-1]
        oracle = evidence.data(STUDY, split, environment, "oracle_mse")
        truth = evidence.risk(STUDY, exact, environment) - evidence.floor(STUDY, environment)
        where = f"{split} σ={environment['sigma']:g}"
        parts.append(
            mean(
                where,
                f"MSE of ERM less the oracle's, {where}",
                evidence.error(MODEL, environment, split) - oracle,
                below(0.0),
                float(truth),
            )
        )
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.reversed_environments(evidence)


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = listed(
        f"{pick(part.outcome, 'below', 'above', 'not clearly different from')} the oracle's at "
        f"{key} (difference {say(part)}; exact: {num(part.truth)})"
        for key, part in parts.items()
    )
    best = pick(
        together([part.outcome for part in parts.values()]),
        "'Best possible' holds only for predictors that do not look at Z.",
        "Looking at Z does not help it there.",
        "",
    )
    return f"ERM's MSE is {words}. {best}".rstrip()
