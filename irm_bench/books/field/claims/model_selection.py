"""Model selection decides more than the method does."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.books.field.settings import decide
from irm_bench.config import Environment
from irm_bench.engine import limits
from irm_bench.engine.limits import Pool
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, mean
from irm_bench.judging.wording import listed, num, say
from irm_bench.stages.locate import SAMPLE, Data
from irm_bench.theory.moments import Moments, risk, stack

TITLE = "The choice of the weight decides more than the method"
STATEMENT = "Results depend on how hyper-parameters are chosen more than on the method"
SOURCE = (
    "Gulrajani and Lopez-Paz 2021; as it is commonly told: the source was not read again for this "
    "book"
)
SECTION = ("samples",)
STUDY = "chain"
FAMILY = "field"
RULE = (
    "the mean over seeds of the range over three rules of choice (in distribution, one environment "
    "left out, the test environments) of the worst-case risk, averaged over V-REx, IGA and DRIG, "
    "less the range over these methods, averaged over the rules, is above 0"
)
TWIN = "ERM and Group DRO, which have no weight to choose, in the place of the methods"
MIN_SEEDS = 5
METHODS = {"vrex": "beta", "iga": "gradient_weight", "drig": "robustness"}
WEIGHTS = (0.01, 0.1, 1.0, 10.0, 100.0)
RULES = ("in distribution", "one environment left out", "test environments")

__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    data = Data(evidence.config, evidence.study(STUDY), SAMPLE)
    pool = data.pool(False)
    risks = np.array([_by_rule(evidence, data, pool, method) for method in METHODS])
    # (method, rule, seed)
    of_rules = np.ptp(risks.mean(axis=0), axis=0)
    of_methods = np.ptp(risks.mean(axis=1), axis=0)
    by_seed = pd.Series(of_rules - of_methods, list(data.seeds))
    what = "range of the worst-case risk over rules less that over methods"
    place = {"rules": float(of_rules.mean()), "methods": float(of_methods.mean())}
    parts = [mean("gap", what, by_seed, above(0.0), place=place)]
    for rule, values in zip(RULES, risks.mean(axis=0), strict=True):
        values_by_seed = pd.Series(values, list(data.seeds))
        parts.append(mean(rule, f"worst-case risk, chosen by {rule}", values_by_seed))
    return parts


def _by_rule(evidence: Evidence, data: Data, pool: Pool, method: str) -> np.ndarray:
    """Worst-case risk (rule, seed) of the weights that the rules choose."""
    phi = np.array([_trained(evidence, data, pool, method, weight) for weight in WEIGHTS])
    folds = _left_out(evidence, data, pool, method)
    train = _mean_risk(data, phi, data.study.train_sets[0])
    worst = np.array([data.risks(one, data.study.test_environments).max(axis=0) for one in phi])
    seeds = np.arange(pool.n_runs)
    chosen = (train.argmin(axis=0), folds.argmin(axis=0), worst.argmin(axis=0))
    return np.array([worst[choice, seeds] for choice in chosen])


def _mean_risk(data: Data, phi: np.ndarray, environments: Sequence[Environment]) -> np.ndarray:
    """Risk (weight, seed) averaged over environments, as of endless validation rows."""
    return np.array([data.risks(one, environments).mean(axis=0) for one in phi])


def _left_out(evidence: Evidence, data: Data, pool: Pool, method: str) -> np.ndarray:
    """Risk (weight, seed) in each environment of what was trained on the others, averaged."""
    n = len(pool.moments.gram)
    found = []
    for weight in WEIGHTS:
        of_folds = []
        for e in range(n):
            others = [i for i in range(n) if i != e]
            rest = Pool(stack(pool.moments.at(i) for i in others), pool.n_samples)
            phi = _trained(evidence, data, rest, method, weight)
            of_folds.append(risk(phi, pool.moments.at(e)))
        found.append(np.mean(of_folds, axis=0))
    return np.array(found)


def _trained(evidence: Evidence, data: Data, pool: Pool, name: str, weight: float) -> np.ndarray:
    """φ (seed, d) of the minimum of a method's objective on samples, at a weight."""
    method = evidence.map_method(name)
    module = method.plugin.load()
    penalty: Any = None  # none of them takes one
    params = {**method.plugin.get("PARAMS", {}), METHODS[name]: weight}
    erm = _least_squares(pool.moments)
    ends = limits.ends(module, penalty, pool, erm[None], params, {}, False)
    # what has no minimum is no candidate: it stays at ERM
    phi = ends.phi[0]
    return np.where(np.isfinite(phi), phi, erm)


def _least_squares(moments: Moments) -> np.ndarray:
    """ERM's φ (seed, d)."""
    gram, cross = moments.gram.mean(axis=0), moments.cross.mean(axis=0)
    return np.linalg.solve(gram, cross[..., None])[..., 0]


def twin(evidence: Evidence) -> Evidence:
    without_weight = {"vrex": "erm", "iga": "erm", "drig": "group_dro"}
    return controls.on_map(evidence, methods=without_weight)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    gap = parts["gap"]
    told = listed(f"{say(parts[rule])} chosen by {rule}" for rule in RULES)
    return (
        f"The range over rules is {num(gap.place['rules'])}, that over methods "
        f"{num(gap.place['methods'])}: a difference of {say(gap)}. The worst-case risk is {told}."
    )
