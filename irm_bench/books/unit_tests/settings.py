"""The data sets of the linear unit tests, and what every claim looks up of them."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from irm_bench.judging.evidence import Evidence, InsufficientError

# Studies of the three examples on three environments, by the example's number.
STUDIES = {1: "regression", 2: "cows", 3: "margin"}
METHODS = {"erm": "ERM", "irm": "IRM", "and_mask": "AND-mask", "iga": "IGA"}
ORACLE = "oracle"
# How the paper chooses hyper-parameters, how one should, and the choice that looks at the test.
PUBLISHED_RULE, BY_SEED, BY_TEST = "mean_over_seeds", "in_distribution", "oracle"
RULES = {PUBLISHED_RULE: "over seeds", BY_SEED: "by seed", BY_TEST: "by the test"}
# A data set is solved where the error exceeds the oracle's by less: about 5% of the oracle's error
# in the regression, and 5% of the rows.
MARGINS = {"mse": 0.5, "error_rate": 0.05}


@dataclass(frozen=True)
class DataSet:
    """A study at one structure: plain (0) or scrambled (1) features, and spurious dimensions."""

    study: str
    scramble: int
    dim_spurious: int = 5

    @property
    def columns(self) -> dict[str, int]:
        return {"scramble": self.scramble, "dim_spurious": self.dim_spurious}

    def label(self, evidence: Evidence) -> str:
        """As the paper calls it, e.g. ``2s``."""
        example = evidence.study(self.study).model.option["example"]
        return f"{example}{'s' * self.scramble}"


def data_sets(evidence: Evidence) -> list[DataSet]:
    """Those on three environments that the config has: up to six.

    Raises:
        InsufficientError: none.
    """
    found = []
    for study in evidence.config.studies:
        if study.name in STUDIES.values():
            found += [DataSet(study.name, model.option["scramble"]) for model in study.models]
    if not found:
        raise InsufficientError(f"needs one of the studies {', '.join(STUDIES.values())}")
    return found


def over_environments(evidence: Evidence, example: int) -> dict[int, str]:
    """The studies of an example with five spurious dimensions, by the number of environments."""
    found = {}
    name = STUDIES[example]
    for study in evidence.config.studies:
        if study.name == name or (study.name.startswith(f"{name}_") and "environ" in study.name):
            found[len(study.train_sets[0])] = study.name
    if not found:
        raise InsufficientError(f"needs the study {name!r}, which the config does not have")
    return dict(sorted(found.items()))


def metric(evidence: Evidence, data_set: DataSet) -> str:
    """What the paper reports: ``mse`` or ``error_rate``."""
    return str(evidence.study(data_set.study).loss.metadata["METRICS"][-1])


def margin(evidence: Evidence, data_set: DataSet) -> float:
    """By how much a solved data set's error may exceed the oracle's."""
    return MARGINS[metric(evidence, data_set)]


def errors(evidence: Evidence, data_set: DataSet, method: str, rule: str) -> pd.Series:
    """Test error by seed, averaged over the test environments; NaN where a run diverged.

    Raises:
        InsufficientError: the results do not have it.
    """
    where: dict[str, Any] = {**data_set.columns, "method": method, "selection": rule}
    rows = evidence.rows("errors", data_set.study, split="test", **where)
    by_seed = rows.set_index("seed")[metric(evidence, data_set)].astype(float).groupby(level=0)
    # a mean leaves out what is not finite
    return by_seed.mean().where(by_seed.count() == by_seed.size())


def excess(evidence: Evidence, data_set: DataSet, method: str, rule: str) -> pd.Series:
    """The error less the oracle's of the same seed, chosen by the same rule."""
    ours = errors(evidence, data_set, method, rule)
    return ours - errors(evidence, data_set, ORACLE, rule)
