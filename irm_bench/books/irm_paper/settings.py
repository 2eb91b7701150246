"""The eight settings of the experiment, and what every claim looks up of them."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from irm_bench.judging.evidence import Evidence

CAUSAL, OTHER, WHOLE = "causal_error", "noncausal_error", "error"
HELD_OUT = "held_out_environment"


@dataclass(frozen=True)
class Setting:
    """Hidden causes, unequal noise of the target, and rotated features: 0 or 1 each."""

    hidden: int
    hetero: int
    scramble: int

    @property
    def letters(self) -> str:
        """As the repository's plots call it, e.g. ``FOU``."""
        pairs = ("FP"[self.hidden], "OE"[self.hetero], "US"[self.scramble])
        return "".join(pairs)

    @property
    def columns(self) -> dict[str, int]:
        return {"hidden": self.hidden, "hetero": self.hetero, "scramble": self.scramble}


@dataclass(frozen=True)
class Trained:
    """Models of a study: a method, and the rule that chose them or the weight they have."""

    study: str
    method: str
    penalty: str = ""
    rule: str = ""
    error_weight: float | None = None

    def at(self, error_weight: float) -> "Trained":
        """The same, chosen by no rule."""
        return replace(self, rule="", error_weight=error_weight)


ERM = Trained("pooled", "erm")
ICP = Trained("pooled", "icp")
IRM = Trained("irm", "irm_matrix", rule=HELD_OUT)


def settings(evidence: Evidence, study: str) -> list[Setting]:
    """The settings of a study, in its order."""
    found = []
    for model in evidence.study(study).models:
        option: dict[str, Any] = model.option
        found.append(Setting(option["hidden"], option["hetero"], option["scramble"]))
    return found


def values(evidence: Evidence, model: Trained, setting: Setting, quantity: str) -> pd.Series:
    """A column of ``models`` by seed; ``WHOLE`` is the error over all weights.

    Half of the variables are causes, so that is the mean of the other two.

    Raises:
        InsufficientError: the results do not have it.
    """
    where: dict[str, Any] = {**setting.columns, "method": model.method, "penalty": model.penalty}
    where["selection"] = model.rule
    if model.error_weight is not None:
        where["error_weight"] = model.error_weight
    rows = evidence.rows("models", model.study, **where).set_index("seed")
    if quantity == WHOLE:
        return (rows[CAUSAL] + rows[OTHER]).astype(float) / 2
    return rows[quantity].astype(float)


def best_weight(evidence: Evidence, model: Trained, setting: Setting) -> float:
    """The weight of the error at which a method's mean error over all weights is least."""
    weights = evidence.study(model.study).error_weights
    means = {w: values(evidence, model.at(w), setting, WHOLE).mean() for w in weights}
    return min(means, key=lambda weight: means[weight])
