"""X keeps its correlation with the target in every environment; Z loses it where σ is small."""

from collections.abc import Iterator, Mapping

import pandas as pd

from irm_bench.config import Environment
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    SECONDARY,
    Outcomes,
    Part,
    Rule,
    above,
    mean,
    some,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import num, pick, say

TITLE = "Correlations with the target"
STATEMENT = (
    "X_j keeps its correlation with the target in every environment; "
    "Z_j's is strong at the largest σ and gone at the smallest"
)
SOURCE = (
    "Different Environments: 'a strong correlation with the second two variables', "
    "'thoroughly destroyed in Test Environment 1'"
)
SECTION = ("environments",)
STUDY = "notebook"
CURVE = "sigma_grid"
FAMILY = "notebook"
RULE = (
    "X_j within ±0.02 of its exact value at every test σ; Z_j above 0.5 (a strong correlation) at "
    "the largest and within ±0.1 of 0 (less than a weak one) at the smallest"
)
KIND = "check"
TWIN = "the environments are exchanged: small σ for large"
MIN_SEEDS = 5
X_MARGIN = 0.02
STRONG = 0.5
GONE = 0.1


def measure(evidence: Evidence) -> list[Part]:
    first, *rest = evidence.environments(Selection(STUDY, "erm"))
    if not rest:
        raise InsufficientError(f"needs two test environments in the study {STUDY!r}")
    last = rest[-1]
    parts = [
        _part(evidence, STUDY, last, "z", above(STRONG)),
        _part(evidence, STUDY, first, "z", within(GONE)),
    ]
    for environment in (first, *rest):
        exact = float(evidence.correlations(STUDY, environment)[0])
        parts.append(_part(evidence, STUDY, environment, "x", within(X_MARGIN, exact)))
    return [*parts, *_curve(evidence)]


def _curve(evidence: Evidence) -> Iterator[Part]:
    """Z's correlation over the finer grid of σ, if the config has it."""
    try:
        for environment in evidence.environments(Selection(CURVE, "erm")):
            yield _part(evidence, CURVE, environment, "z", None)
    except InsufficientError:
        return


def _part(
    evidence: Evidence, study: str, environment: Environment, name: str, rule: Rule | None
) -> Part:
    causal = evidence.causal(study) != 0
    chosen = [j + 1 for j, is_x in enumerate(causal) if is_x == (name == "x")]
    columns = [evidence.data(study, "test", environment, f"corr_{j}") for j in chosen]
    sigma = environment["sigma"]
    grid = "" if study == STUDY else "grid "
    return mean(
        f"{grid}{name} at σ={sigma:g}",
        f"correlation of {name.upper()}_j and the target at σ = {sigma:g}",
        pd.concat(columns, axis=1).mean(axis=1),
        rule,
        float(evidence.correlations(study, environment)[chosen[0] - 1]),
        SECONDARY if rule is None else "primary",
        place={"sigma": sigma},
    )


def twin(evidence: Evidence) -> Evidence:
    return controls.reversed_environments(evidence)


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    strong, gone, *x = [part for key, part in parts.items() if not key.startswith("grid")]
    kept = pick(
        together([part.outcome for part in x]),
        "keep their correlation with the target",
        "do not keep their correlation with the target",
        "may or may not keep their correlation with the target",
    )
    return (
        f"The X_j {kept} over the test environments (from {num(min(p.estimate for p in x))} to "
        f"{num(max(p.estimate for p in x))}; exact: {num(x[0].truth)}). That of Z_j is "
        f"{say(strong)} at σ={strong.place['sigma']:g} (exact: {num(strong.truth)}): "
        f"{pick(strong.outcome, 'strong', 'not strong', 'perhaps strong')}; and {say(gone)} "
        f"at σ={gone.place['sigma']:g} (exact: {num(gone.truth)}): "
        f"{pick(gone.outcome, 'as good as gone', 'not gone', 'perhaps gone')}."
    )
