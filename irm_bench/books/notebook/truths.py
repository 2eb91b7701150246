"""Tables that the page shows of what is exact: closed forms, and the models of its calculator."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Config, Study
from irm_bench.planning import exact, plan
from irm_bench.presentation.series import Looks, cast, features, find_study

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]

PULL = "updates in which the slowest direction at IRM's minimum shrinks e-fold, infinite rows"
UNFINISHED = "share of irm_steps_phi_z that more updates would remove, percent"


def closed_forms(tables: Tables, config: Config) -> pd.DataFrame:
    """What theory says of the notebook's setting: name, value, meaning."""
    study = find_study(config, "notebook")
    if study is None:
        return pd.DataFrame()
    train, groups = study.train_sets[0], list(features(study).groups())
    weight, rate = study.error_weights[:1], study.learning_rate.value
    solutions = {"erm": (exact.pooled(study, train), "the minimiser of the summed risks")}
    if cast(study, Looks(config)).invariant:
        solutions |= {
            "irm": (exact.minima(study, train, weight)[0], "the minimiser of IRM's objective"),
            "irm_steps": (
                exact.descents(study, train, weight, rate)[0],
                "gradient descent on IRM's objective, as many updates as the study makes",
            ),
        }
    rows = [
        ("crossing", exact.crossing(study, train), "σ at which exact ERM is as good as the oracle"),
        ("start_penalty", exact.start_penalty(study, train), "true penalty at φ = (1, …, 1)"),
        ("mean_variance", _mean_variance(train), "mean of σ² over the training environments"),
    ]
    for name, (phi, meaning) in solutions.items():
        for group, columns in groups:
            places = [int(c.removeprefix("phi_")) - 1 for c in columns]
            rows.append((f"{name}_{group}", float(phi[places].mean()), f"{group} of {meaning}"))
    found = {name: value for name, value, _ in rows}
    if "irm_phi_z" in found:
        share = 1 - found["irm_phi_z"] / found["irm_steps_phi_z"]
        rows.append(("unfinished_percent", 100 * share, UNFINISHED))
        updates = _pull_updates(study, train, solutions["irm"][0])
        rows.append(("pull_updates", updates, PULL))
        for name, key in (("crossing_trained", "irm_steps"), ("crossing_minimum", "irm")):
            where = exact.crossing_of(study, train, solutions["erm"][0], solutions[key][0])
            rows.append((name, where, f"σ at which ERM is as good as {solutions[key][1]}"))
        rows.append(("pull_times", updates / study.steps, "the same, in trainings of the study"))
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


def _pull_updates(study: Study, train: exact.Train, phi: np.ndarray) -> float:
    """Updates in which the slowest direction of descent at a minimum shrinks e-fold."""
    moments = plan.population(study.model, train)
    curvature = np.linalg.eigvalsh(theory.hessian(phi, moments, study.error_weights[0]))
    return float(1 / (study.learning_rate.value * curvature.min()))


def _mean_variance(train: exact.Train) -> float:
    return sum(e["sigma"] ** 2 for e in train) / len(train)


def calculator(tables: Tables, config: Config) -> pd.DataFrame:
    """Exact φ_X, φ_Z and risk of every model of the calculator, in the notebook's own setting.

    Only for Example 1, whose closed forms the page's script has.
    """
    study = find_study(config, "notebook")
    if study is None or study.sem != "example_1" or len(study.train_sets[0]) < 2:
        return pd.DataFrame()
    train, weight = study.train_sets[0], study.error_weights[:1]
    models = {
        "oracle": exact.causal(study),
        "erm": exact.pooled(study, train),
        "irm": exact.minima(study, train, weight)[0],
        "irm_steps": exact.descents(study, train, weight, study.learning_rate.value)[0],
    }
    where = study.test_environments[len(study.test_environments) // 2]
    rows = []
    for name, phi in models.items():
        risk = exact.risk_at(study, phi, where)
        rows.append((name, where["sigma"], phi[0], phi[-1], risk))
    return pd.DataFrame(rows, columns=["model", "sigma", "phi_x", "phi_z", "risk"])
