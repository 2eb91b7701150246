"""Tables that the page of this book shows and no file holds, and the settings of its calculator."""

from collections.abc import Callable, Mapping
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from jinja2.runtime import Context

from irm_bench import theory
from irm_bench.books.notebook.calculator import plane as calculator_plane
from irm_bench.books.notebook.calculator import setting as calculator_setting
from irm_bench.books.notebook.claims.causes_from_any_start import NAMES, NEAR
from irm_bench.books.notebook.labels import feature_label
from irm_bench.config import Config, Study
from irm_bench.planning import exact, plan
from irm_bench.presentation.series import (
    Looks,
    at_base,
    base_batches,
    cast,
    features,
    find_study,
    risks,
    seeds_of,
)
from irm_bench.statistics.over_seeds import over_seeds

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]

ENDS = ["start", "end"]
ENVIRONMENT = ["sigma", "gamma", "tau"]
# The columns that tell the rows of an exhibit apart.
ROW_KEYS = {
    "closed_forms": ("name",),
    "weights": ("weight", "method", "penalty"),
    "penalty_ends": ("end", "method", "penalty"),
    "starts_ends": ("start", "method", "penalty", "quantity"),
    "ideal": ("split", "environment", "quantity"),
    "wins": ("sigma",),
    "helped": ("name",),
    "calculator": ("model",),
    "premium": ("name",),
}

PULL = "updates in which the slowest direction at IRM's minimum shrinks e-fold, infinite rows"
UNFINISHED = "share of irm_steps_phi_z that more updates would remove, percent"


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    makers: dict[str, Callable[[Tables, Config], pd.DataFrame]] = {
        "closed_forms": closed_forms,
        "weights": weights,
        "penalty_ends": penalty_ends,
        "starts_ends": starts_ends,
        "ideal": ideal,
        "wins": wins,
        "helped": helped,
        "calculator": calculator,
        "premium": premium,
    }
    found = {name: make(tables, config) for name, make in makers.items()}
    return {name: frame for name, frame in found.items() if not frame.empty}


def helped(tables: Tables, config: Config) -> pd.DataFrame:
    """In how many of the notebook's test environments IRM's error is clearly the lower one."""
    study = find_study(config, "notebook")
    parts = cast(study, Looks(config)) if study else None
    if study is None or parts is None or not (parts.invariant and parts.standard):
        return pd.DataFrame()
    frame = at_base(tables["summary"], study)
    chosen = (frame["split"] == "test") & (frame["quantity"] == "mse") & (frame["ci_method"] == "t")
    both = [
        s.rows(frame[chosen]).set_index("environment") for s in (parts.invariant, parts.standard)
    ]
    better = both[0]["ci_high"] < both[1]["ci_low"]
    rows = [
        ("n_test_environments", len(better), "test environments of the notebook"),
        ("n_helped", int(better.sum()), "of these, those where IRM's 95% interval is below ERM's"),
    ]
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


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
        rows.append(("pull_times", updates / study.steps, "the same, in trainings of the study"))
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


def _pull_updates(study: Study, train: exact.Train, phi: np.ndarray) -> float:
    """Updates in which the slowest direction of descent at a minimum shrinks e-fold."""
    moments = plan.population(study.model, train)
    curvature = np.linalg.eigvalsh(theory.hessian(phi, moments, study.error_weights[0]))
    return float(1 / (study.learning_rate.value * curvature.min()))


def _mean_variance(train: exact.Train) -> float:
    return sum(e["sigma"] ** 2 for e in train) / len(train)


def weights(tables: Tables, config: Config) -> pd.DataFrame:
    """Final weights in the notebook's setting over seeds: every φ_i, and φ_X and φ_Z."""
    study = find_study(config, "notebook")
    if study is None:
        return pd.DataFrame()
    found = features(study)
    groups = dict(found.groups()) | {
        f"phi_{i + 1}": [f"phi_{i + 1}"] for i in range(len(found.names))
    }
    return pd.concat(
        [
            over_seeds(
                batch.assign(weight=name, mean_weight=batch[columns].mean(axis=1, skipna=False)),
                ["weight", "method", "penalty"],
                "mean_weight",
            )
            for name, columns in groups.items()
            for batch in base_batches(tables["models"], study)
        ],
        ignore_index=True,
    )


def starts_ends(tables: Tables, config: Config) -> pd.DataFrame:
    """Where IRM's training ends by where it starts: distance from the oracle, weight of Z."""
    study = find_study(config, "start")
    if study is None or not cast(study, Looks(config)).invariant:
        return pd.DataFrame()
    effects = features(study).columns(causal=False)
    names = [f"phi_{j + 1}" for j in range(study.model.n_features)]
    pieces = tables["models"].pieces
    pieces = pieces[(pieces["study"] == study.name) & (pieces["penalty"] != "")]
    parts = []
    for models in tables["models"].batches(["start", "method", "penalty"], pieces):
        distance = ((models[names] - exact.causal(study)) ** 2).sum(axis=1, skipna=False) ** 0.5
        measured = {
            "distance": distance,
            "near": 100.0 * (distance < NEAR),
            "z": models[effects].abs().mean(axis=1, skipna=False),
        }
        for quantity, values in measured.items():
            frame = models.assign(quantity=quantity, measured=values)
            parts.append(over_seeds(frame, ROW_KEYS["starts_ends"], "measured"))
    found = pd.concat(parts, ignore_index=True)
    return found.assign(start_name=found["start"].map(NAMES))


def ideal(tables: Tables, config: Config) -> pd.DataFrame:
    """The rows' own noise beside the noise floor, for the notebook's environments, over seeds."""
    study = find_study(config, "notebook")
    if study is None:
        return pd.DataFrame()
    parts = []
    wanted = [("train", study.n_samples[0], e) for e in study.train_sets[0]]
    wanted += [("test", study.n_test_samples, e) for e in study.test_environments]
    for split, n_samples, environment in wanted:
        rows = seeds_of(tables["environments"], study, split, n_samples, environment)
        for quantity in ("noise_variance", "oracle_mse"):
            keys = ["split", "environment", "quantity", "optimum"]
            parts.append(over_seeds(rows.assign(quantity=quantity), keys, quantity))
    return pd.concat(parts, ignore_index=True)


def penalty_ends(tables: Tables, config: Config) -> pd.DataFrame:
    """The penalty estimates at the first and last recorded step, and how many are negative."""
    study = find_study(config, "notebook")
    if study is None or not len(tables["trajectories"]):
        return pd.DataFrame()
    table = tables["trajectories"]
    pieces = at_base(table.pieces, study)
    pieces = pieces[pieces["penalty"] != ""]
    ends = dict(zip((pieces["step"].min(), pieces["step"].max()), ENDS, strict=True))
    batches = table.batches(["method", "penalty", "step"], pieces[pieces["step"].isin(list(ends))])
    return pd.concat([_penalty_ends(batch, ends) for batch in batches])


def _penalty_ends(batch: pd.DataFrame, ends: Mapping[int, str]) -> pd.DataFrame:
    frame = batch.assign(end=batch["step"].map(ends), n_negative=batch["penalty_estimate"] < 0)
    keys = ["end", "step", "method", "penalty"]
    counts = frame.groupby(keys, sort=False, as_index=False)["n_negative"].sum()
    return over_seeds(frame, keys, "penalty_estimate").merge(counts, on=keys)


def wins(tables: Tables, config: Config) -> pd.DataFrame:
    """For each test σ of the grid: training sets for which a method's risk is clearly lower.

    Clearly: the 95% t intervals of the two mean risks do not overlap.
    """
    study = find_study(config, "sigma_grid")
    parts = cast(study, Looks(config)) if study else None
    if study is None or parts is None or not (parts.standard and parts.invariant):
        return pd.DataFrame()
    frame = risks(tables["summary"], study)
    keys = ["train_sigmas", "sigma"]
    both = parts.standard.rows(frame).merge(parts.invariant.rows(frame), on=keys)
    better = both.assign(
        invariant_better=both["ci_high_y"] < both["ci_low_x"],
        standard_better=both["ci_high_x"] < both["ci_low_y"],
    )
    groups = better.groupby("sigma", as_index=False)
    return groups.agg(
        n_sets=("train_sigmas", "size"),
        invariant_better=("invariant_better", "sum"),
        standard_better=("standard_better", "sum"),
    )


def premium(tables: Tables, config: Config) -> pd.DataFrame:
    """What IRM costs where Z is made otherwise and still helps: name, value, meaning.

    Better: the 95% t interval of a mean risk is below that of the other. The range of γ is that of
    the largest σ, with τ as in training.
    """
    study = find_study(config, "z_mechanism")
    parts = cast(study, Looks(config)) if study else None
    if study is None or parts is None or not (parts.standard and parts.invariant):
        return pd.DataFrame()
    frame = risks(tables["summary"], study)
    if not {"gamma", "tau"} <= set(frame):
        return pd.DataFrame()
    both = parts.standard.rows(frame).merge(parts.invariant.rows(frame), on=ENVIRONMENT)
    standard = both["ci_high_x"] < both["ci_low_y"]
    rows = [
        ("n_places", len(both), "test environments of the study"),
        ("n_standard_better", int(standard.sum()), "of these, those where ERM's risk is lower"),
        (
            "n_invariant_better",
            int((both["ci_high_y"] < both["ci_low_x"]).sum()),
            "of these, those where IRM's risk is lower",
        ),
    ]
    sigma = both["sigma"].max()
    paid = both[standard & (both["sigma"] == sigma) & (both["tau"] == 1)]
    if len(paid):
        ratio = paid["mean_y"] / paid["mean_x"]
        rows += [
            ("sigma", sigma, "the largest test σ"),
            ("standard_from", paid["gamma"].min(), "least γ there with a lower risk of ERM"),
            ("standard_to", paid["gamma"].max(), "largest γ there with a lower risk of ERM"),
            ("price", ratio.max(), "IRM's risk over ERM's, where that is largest"),
            ("dearest", paid.loc[ratio.idxmax(), "gamma"], "the γ at which it is"),
        ]
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


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


@jinja2.pass_context
def calculator_of(context: Context, study: Study) -> dict[str, Any]:
    """What the page's script is told of the calculator."""
    return calculator_setting(study, context["looks"])


@jinja2.pass_context
def plane_of(context: Context, study: Study) -> dict[str, Any]:
    """What the page's script is told of the picture of the weights."""
    return calculator_plane(study, context["looks"])


# What the book's templates may do to a value, besides what all may.
FILTERS = {"calculator": calculator_of, "plane": plane_of, "feature": feature_label}
