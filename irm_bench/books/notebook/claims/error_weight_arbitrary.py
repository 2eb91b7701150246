"""The weight of the error, 1e-5: how much of the conclusions hangs on it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.books.notebook import conclusions
from irm_bench.books.notebook.conclusions import ALL, CLAIMS
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LIMITED,
    OPEN,
    Outcomes,
    Part,
    above,
    fact,
    mean,
    some,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import listed, num, pick, say
from irm_bench.statistics.elementary import log

TITLE = "The 1e-5 seems arbitrary"
STATEMENT = "The scaling of the error by 1e-5 seems arbitrary"
SOURCE = (
    "The IRM Penalty, train: 'This scaling seems arbitrary and I'm not sure if the paper provides "
    "insight as to how to choose this hyperparameter'"
)
SECTION = ("penalty", "error_weight")
STUDY = "error_weight"
FAMILY = "notebook"
RULE = (
    "the verdicts on the weight of Z, the averages, the crossing and the lower bound are the same "
    "at every weight tested; limited: at least from a tenth to ten times the notebook's"
)
TWIN = "at every weight but the notebook's, ERM is in the place of IRM"
MIN_SEEDS = 5
NOTEBOOK = 1e-5
MODEL = Selection(STUDY, "irm", "plug_in")
# Where the converged weight of Z follows its power law undisturbed by sampling noise.
LAW_FROM, LAW_TO, LAW_MARGIN = 1e-4, 1e-2, 0.05


def measure(evidence: Evidence) -> list[Part]:
    weights = sorted(evidence.study(STUDY).error_weights)
    if NOTEBOOK not in weights:
        raise InsufficientError(f"needs the weight {NOTEBOOK:g} in the study {STUDY!r}")
    models = {weight: replace(MODEL, error_weight=weight) for weight in weights}
    found = {weight: conclusions.verdicts(evidence, model) for weight, model in models.items()}
    parts = [_law(evidence, models)] if {LAW_FROM, LAW_TO} <= set(weights) else []
    clear = float((found[NOTEBOOK].loc[ALL] != INCONCLUSIVE).sum())
    what = f"verdicts that are conclusive at {NOTEBOOK:g}"
    parts.append(fact("reference", what, clear, above(len(CLAIMS) - 0.5)))
    for weight, model in models.items():
        parts.append(_kept(evidence, weight, found[weight], found[NOTEBOOK]))
        parts += _weights(evidence, weight, model)
    return parts


def _kept(evidence: Evidence, weight: float, found: pd.DataFrame, reference: pd.DataFrame) -> Part:
    """How many verdicts are those of the notebook's weight."""
    same = (found == reference.reindex(found.index)).dropna()
    near = NOTEBOOK / 10.5 < weight < NOTEBOOK * 10.5
    return fact(
        f"{'near' if near else 'far'} {weight:g}",
        f"verdicts kept of {len(CLAIMS)}, error weight {weight:g}",
        float(same.loc[ALL].sum()),
        above(len(CLAIMS) - 0.5),
        n=len(evidence.study(STUDY).seeds),
        singles=same.drop(index=ALL).all(axis=1),
        place={"error_weight": weight},
    )


def _weights(evidence: Evidence, weight: float, model: Selection) -> Iterator[Part]:
    """Z weight and average error at one error weight, trained and converged."""
    population = evidence.population(STUDY, evidence.train_set(model))
    end = theory.flow_minimum(population, weight).phi
    exact = float(np.abs(end[evidence.causal(STUDY) == 0]).mean())
    yield mean(
        f"trained {weight:g}", f"|weight| of Z, error weight {weight:g}", evidence.z_weight(model)
    )
    yield mean(
        f"converged {weight:g}",
        f"|weight| of Z where training ends, error weight {weight:g}",
        evidence.z_weight(model, "converged"),
        truth=exact,
    )
    error = evidence.average_error(model)
    yield mean(f"error {weight:g}", f"average test MSE, error weight {weight:g}", error)


def _law(evidence: Evidence, models: Mapping[float, Selection]) -> Part:
    """The exponent of the power law of the converged weight of Z in the error weight, by seed."""
    low, high = (evidence.z_weight(models[w], "converged") for w in (LAW_FROM, LAW_TO))
    ratio = high / low
    slopes = log(ratio) / math.log(LAW_TO / LAW_FROM)
    population = evidence.population(STUDY, evidence.train_set(MODEL))
    ends = theory.flow_minimum(population, np.array([LAW_FROM, LAW_TO])).phi
    z = np.abs(ends[:, evidence.causal(STUDY) == 0]).mean(axis=1)
    exact = math.log(z[1] / z[0]) / math.log(LAW_TO / LAW_FROM)
    what = (
        f"exponent of |weight| of Z where training ends, error weights {LAW_FROM:g} to {LAW_TO:g}"
    )
    return mean("exponent", what, pd.Series(slopes, ratio.index), within(LAW_MARGIN, 1 / 3), exact)


class _OtherWeights(Evidence):
    """ERM in the place of IRM, but at the notebook's weight."""

    def cell(self, model: Selection) -> dict[str, Any]:
        is_other = model.method == MODEL.method and model.error_weight != NOTEBOOK
        is_other = is_other and model.study == STUDY
        return super().cell(model.other("erm") if is_other else model)


def twin(evidence: Evidence) -> Evidence:
    return _OtherWeights(evidence.config, evidence.tables, evidence.findings)


def decide(outcomes: Outcomes) -> str:
    near, far = (together(some(outcomes, kind)) for kind in ("near", "far"))
    if outcomes["reference"] != HOLDS:
        return INCONCLUSIVE
    if near == HOLDS and far == FAILS:
        return LIMITED
    return verdict(FAILS if near == FAILS else HOLDS if {near, far} <= {HOLDS} else OPEN)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    clear = parts["reference"]
    if clear.outcome != HOLDS:
        return (
            f"Only {clear.estimate:.0f} of the {len(CLAIMS)} verdicts are conclusive at "
            f"{NOTEBOOK:g}: there is nothing to compare the others with."
        )
    kept = [part for part in parts.values() if "error_weight" in part.place]
    same = [part.place["error_weight"] for part in kept if part.outcome == HOLDS]
    other = [part.place["error_weight"] for part in kept if part.outcome != HOLDS]
    trained, converged = (parts[f"{kind} {NOTEBOOK:g}"] for kind in ("trained", "converged"))
    said = f"The {len(CLAIMS)} verdicts are those of {NOTEBOOK:g} at weights {_range(same)}"
    said += (
        f"; they change at {listed(f'{w:g}' for w in other)}."
        if other
        else ", all that were tested."
    )
    text = (
        f"{said} At {NOTEBOOK:g} the trained |weight| of Z is {say(trained)}; training to the end "
        f"would leave {say(converged)} (exact: {num(converged.truth)})."
    )
    if "exponent" not in parts:
        return text
    law = parts["exponent"]
    like = pick(law.outcome, "as", "not as", "perhaps as")
    return (
        f"{text} At the end the weight does matter: |weight| of Z grows as its power {say(law)}, "
        f"{like} theory predicts (1/3; exact over these weights: {num(law.truth)})."
    )


def _range(weights: list[float]) -> str:
    return f"{min(weights):g} to {max(weights):g}" if len(weights) > 1 else f"{weights[0]:g}"
