"""ERM is better on the notebook's test set, but not on any test set."""

from collections.abc import Mapping

import pandas as pd

from irm_bench import theory
from irm_bench.config import Environment
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    Outcomes,
    Part,
    above,
    below,
    mean,
    some,
)
from irm_bench.judging.wording import pick, say

TITLE = "Better on this test set, not on any"
STATEMENT = "The standard model is better on this test set, but not on any test set"
SOURCE = (
    "Where Does IRM Help?: 'the standard model is better on this test set—but not on any test set'"
)
SECTION = ("where",)
STUDY = "notebook"
CHANGED = "z_mechanism"
FAMILY = "notebook"
RULE = (
    "ERM's MSE less IRM's is below 0 on average over the notebook's test set, and above 0 on a "
    "test set of its small σ alone, or of environments where the sign of Z's mechanism is turned "
    "(γ < 0)"
)
TWIN = "IRM and ERM are exchanged"
MIN_SEEDS = 5
MODEL = Selection(STUDY, "irm", "split_half")


def measure(evidence: Evidence) -> list[Part]:
    everything = evidence.environments(MODEL)
    parts = [_difference(evidence, MODEL, everything, "this", "the notebook's test set")]
    small = [e for e in everything if _erm_loses(evidence, e)]
    if small:
        parts.append(_difference(evidence, MODEL, small, "other small σ", "its small σ alone"))
    try:
        turned = Selection(CHANGED, MODEL.method, MODEL.penalty)
        changed = [e for e in evidence.environments(turned) if e.mapping.get("gamma", 1.0) < 0]
        if changed:
            what = "environments with γ < 0"
            parts.append(_difference(evidence, turned, changed, "other γ < 0", what))
    except InsufficientError:
        pass
    return parts


def _erm_loses(evidence: Evidence, environment: Environment) -> bool:
    """Whether ERM's exact solution is worse than the oracle there."""
    phi = theory.pooled_least_squares(evidence.population(STUDY, evidence.train_set(MODEL)))
    return bool(evidence.risk(STUDY, phi, environment) > evidence.floor(STUDY, environment))


def _difference(
    evidence: Evidence,
    model: Selection,
    environments: list[Environment] | tuple[Environment, ...],
    key: str,
    what: str,
) -> Part:
    parts = [evidence.error(model.other("erm"), e) - evidence.error(model, e) for e in environments]
    values = pd.concat(parts, axis=1).mean(axis=1, skipna=False)
    rule = below(0.0) if key == "this" else above(0.0)
    quantity = f"average MSE of ERM less IRM's over {what}"
    return mean(key, quantity, values, rule, place={"where": what})


def twin(evidence: Evidence) -> Evidence:
    return controls.exchanged(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    here, elsewhere = outcomes["this"], some(outcomes, "other")
    if here == HOLDS and HOLDS in elsewhere:
        return SUPPORTED
    if here == FAILS or (elsewhere and all(outcome == FAILS for outcome in elsewhere)):
        return REFUTED
    return INCONCLUSIVE


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = [
        f"{_word(part)} over {part.place['where']} (difference {say(part)})"
        for part in parts.values()
    ]
    return f"Compared with IRM's, ERM's average MSE is {'; '.join(words)}."


def _word(part: Part) -> str:
    yes, no = ("lower", "higher") if part.key == "this" else ("higher", "lower")
    return pick(part.outcome, yes, no, "not clearly different")
