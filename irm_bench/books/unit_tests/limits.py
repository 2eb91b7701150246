"""Where the objectives have their minima with infinitely many rows, and what they err there.

The risks are exact: of example 1 from moments, of examples 2 and 3 from mixtures of normals. An
objective is written with the risk of each environment, its gradient g and its Hessian H. AND-mask
has none, and is not here. Data sets are plain: a rotation changes no minimum.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from irm_bench.books.unit_tests.settings import ORACLE, STUDIES
from irm_bench.config import Config, Environment, Study
from irm_bench.plugins.model import Model
from irm_bench.presentation.series import find_study
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.statistics.streams import generator
from irm_bench.theory.mixtures import Local, Mixture, Risk, mean_risk, minimum
from irm_bench.theory.moments import Array, Moments, risk

N_SEEDS = 4
# Starts beside zeros, for objectives that may have several minima.
N_STARTS = 3
KEYS = ["study", "example", "method"]


def table(config: Config) -> pd.DataFrame:
    """Mean over seeds of the exact test error at each method's minimum, with its interval."""
    rows = []
    for example, name in STUDIES.items():
        study = find_study(config, name)
        if study is not None:
            for seed in study.seeds[:N_SEEDS]:
                rows += of_seed(config.root_seed, study, example, seed)
    if not rows:
        return pd.DataFrame()
    return over_seeds(pd.DataFrame(rows), KEYS, "error").drop(columns=["q05", "q95"])


def of_seed(
    root_seed: int, study: Study, example: int, seed: int
) -> list[dict[str, str | int | float]]:
    """A row a method: the error at its minimum, averaged over the test environments."""
    model = study.model
    mechanism = model.mechanism(root_seed, seed)

    def laws(environments: Sequence[Environment], shuffled: float | None) -> list["Law"]:
        found = []
        for environment in environments:
            told = dict(environment.mapping)
            if shuffled is not None:
                told["shuffled"] = shuffled
            found.append(_law(model, told, mechanism))
        return found

    tests = laws(study.test_environments, None)
    rows: list[dict[str, str | int | float]] = []
    for method in study.methods:
        if method.name not in OBJECTIVES:
            continue
        trained = laws(study.train_sets[0], float(method.name == ORACLE))
        defaults = method.plugin.get("PARAMS", {})
        objective = partial(OBJECTIVES[method.name], *defaults.values())
        risks = [law.local for law in trained]
        phi = minimum(objective, risks, _starts(root_seed, model.n_features, seed))
        error = float(np.mean([law.error(phi) for law in tests]))
        rows.append(
            {"study": study.name, "example": example, "method": method.name, "error": error}
        )
    return rows


def _starts(root_seed: int, d: int, seed: int) -> list[Array]:
    rng = generator(root_seed, role="limits", seed=seed)
    return [np.zeros(d), *rng.uniform(-1, 1, size=(N_STARTS, d)) / np.sqrt(d)]


class Law:
    """An environment: its exact risk as a function of φ (d,), and the error that is reported."""

    def __init__(self, local: Risk, error: "partial[float]"):
        self.local, self.error = local, error


def _law(model: Model, environment: dict[str, float], mechanism: object) -> Law:
    mixture = model.mixture(environment, mechanism)  # type: ignore[arg-type]
    if mixture is not None:
        return Law(mixture.local, partial(Mixture.error_rate, mixture))
    moments = model.population(environment, mechanism)  # type: ignore[arg-type]
    assert moments is not None
    return Law(partial(_squared, moments), partial(_risk, moments))


def _risk(moments: Moments, phi: Array) -> float:
    return float(risk(phi, moments))


def _squared(moments: Moments, phi: Array) -> Local:
    gradient = 2 * (moments.gram @ phi - moments.cross)
    return Local(_risk(moments, phi), gradient, 2 * moments.gram)


def irm(share: float, phi: Array, risks: Sequence[Local]) -> tuple[float, Array]:
    """(1 − λ) mean R + λ Σ [(φᵀg)² + g_last²]."""
    value, gradient = mean_risk(phi, risks)
    value, gradient = (1 - share) * value, (1 - share) * gradient
    for one in risks:
        along = phi @ one.gradient
        offset = one.gradient[-1]
        value += share * (along**2 + offset**2)
        pull = along * (one.gradient + one.hessian @ phi) + offset * one.hessian[-1]
        gradient = gradient + 2 * share * pull
    return float(value), gradient


def iga(weight: float, phi: Array, risks: Sequence[Local]) -> tuple[float, Array]:
    """mean R + γ Σ ‖g − mean g‖²."""
    value, gradient = mean_risk(phi, risks)
    deviations = [one.gradient - gradient for one in risks]
    of_variance = np.zeros_like(phi)
    for one, deviation in zip(risks, deviations, strict=True):
        value += weight * deviation @ deviation
        of_variance += one.hessian @ deviation
    return float(value), gradient + 2 * weight * of_variance


OBJECTIVES: dict[str, Callable[..., tuple[float, Array]]] = {
    "erm": mean_risk,
    "irm": irm,
    "iga": iga,
    ORACLE: mean_risk,
}
