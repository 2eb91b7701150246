"""Tables that the page of this book shows and no file holds, and the settings of its calculator."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from jinja2.runtime import Context

from irm_bench import theory
from irm_bench.books.notebook import conclusions
from irm_bench.books.notebook.calculator import plane as calculator_plane
from irm_bench.books.notebook.calculator import setting as calculator_setting
from irm_bench.books.notebook.claims import however_trained, other_data
from irm_bench.books.notebook.claims.causes_from_any_start import NAMES, NEAR
from irm_bench.books.notebook.labels import feature_label
from irm_bench.config import Config, Study
from irm_bench.planning import exact, plan
from irm_bench.presentation.series import (
    Looks,
    Series,
    at_base,
    base_batches,
    cast,
    features,
    find_study,
    seeds_of,
)
from irm_bench.report.ledger import Entry
from irm_bench.statistics import intervals
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]

ENDS = ["start", "end"]
UNCHANGED = 1  # τ of the training environments
# Studies whose two methods the text compares.
PAIRED_STUDIES = ("notebook", "z_mechanism")
# What stands for the environment of a mean over them.
AVERAGE = "average"
# The columns that tell the rows of an exhibit apart.
ROW_KEYS = {
    "closed_forms": ("name",),
    "weights": ("weight", "method", "penalty"),
    "penalty_ends": ("end", "method", "penalty"),
    "starts_ends": ("start", "method", "penalty", "quantity"),
    "ideal": ("split", "environment", "quantity"),
    "wins": ("sigma",),
    "helped": ("name",),
    "paired": ("study", "split", "environment", "quantity"),
    "penalty_pairs": ("n_samples", "environment", "predictor"),
    "calculator": ("model",),
    "premium": ("name",),
    "robustness": ("claim", "setting"),
    "components": ("quantity", "component"),
    "settings_runs": ("study",),
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
        "paired": paired,
        "penalty_pairs": penalty_pairs,
        "calculator": calculator,
        "premium": premium,
        "robustness": robustness,
        "components": components,
        "settings_runs": settings_runs,
    }
    found = {name: make(tables, config) for name, make in makers.items()}
    return {name: frame for name, frame in found.items() if not frame.empty}


def paired(tables: Tables, config: Config) -> pd.DataFrame:
    """IRM's error less ERM's by seed, in each environment of a study's first setting and over all.

    The methods share their rows, so that their difference is known far better than either error.
    """
    parts = []
    for name in PAIRED_STUDIES:
        study = find_study(config, name)
        both = cast(study, Looks(config)) if study else None
        if study is None or both is None or not (both.invariant and both.standard):
            continue
        for column in ("mse", "risk"):
            frame = _differences(tables["errors"], study, both.invariant, both.standard, column)
            by_seed = frame.groupby(["split", "seed"], sort=False, as_index=False)["difference"]
            average = by_seed.agg(lambda v: v.mean(skipna=False)).assign(environment=AVERAGE)
            for one in (frame, average):
                keys = ["split", "environment"]
                found = over_seeds(one, keys, "difference")
                parts.append(found.assign(study=name, quantity=column))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _differences(
    errors: Rows, study: Study, first: Series, second: Series, column: str, *varying: str
) -> pd.DataFrame:
    """A column of ``errors`` of one method less another's: training set, environment and seed."""
    pieces = at_base(errors.pieces, study, *varying)
    keys = ["train_sigmas", "split", "environment", "sigma", "seed"]
    ours, theirs = (errors.read(s.rows(pieces))[[*keys, column]] for s in (first, second))
    both = ours.merge(theirs, on=keys, suffixes=("", "_second"), sort=False)
    return both.assign(difference=both[column] - both[f"{column}_second"])


def penalty_pairs(tables: Tables, config: Config) -> pd.DataFrame:
    """Split-half's squared error less plug-in's on the same rows, at every n and fixed φ."""
    if not len(tables["penalty_draws"]):
        return pd.DataFrame()
    table = tables["penalty_draws"]
    keys = ["n_samples", "environment", "predictor", "seed"]
    pieces = table.pieces[table.pieces["estimator"].isin(["split_half", "plug_in"])]
    draws = table.read(pieces)
    pair = draws.pivot_table(index=keys, columns="estimator", values="squared_error").dropna()
    if not {"split_half", "plug_in"} <= set(pair):
        return pd.DataFrame()
    frame = (pair["split_half"] - pair["plug_in"]).rename("difference").reset_index()
    return over_seeds(frame, keys[:-1], "difference")


def robustness(tables: Tables, config: Config) -> pd.DataFrame:
    """How many of the notebook's conclusions stand in every other setting, and which do not."""
    if "claim_details" not in tables:
        return pd.DataFrame()
    details = tables["claim_details"].astype({"claim": str, "part": str, "quantity": str})
    is_mine = details["claim"].isin(conclusions.IN_SETTINGS)
    found = details[is_mine & details["part"].str.startswith(conclusions.IN)]
    return pd.DataFrame(
        {
            "claim": found["claim"],
            "setting": found["part"].str.removeprefix(conclusions.IN),
            "kept": found["estimate"],
            "changed": [what.partition(conclusions.CHANGED)[2] for what in found["quantity"]],
        }
    )


def settings_runs(tables: Tables, config: Config) -> pd.DataFrame:
    """How many runs the studies of other settings have, and how many of them diverged."""
    rows = []
    for name in (*however_trained.STUDIES, *other_data.STUDIES):
        if find_study(config, name) is not None:
            models = tables["models"].find(study=name)
            n_diverged = int(models["diverged_at"].notna().sum())
            rows.append({"study": name, "n_runs": len(models), "n_diverged": n_diverged})
    return pd.DataFrame(rows)


def components(tables: Tables, config: Config) -> pd.DataFrame:
    """What ``benchmarks/components.py --write`` measured; nothing without its file."""
    path = config.book.file("components.csv")
    return pd.DataFrame() if path is None else pd.read_csv(path)


def sign(entry: Entry) -> int | None:
    """−1, 0 or 1 as an interval lies below 0, holds it, or lies above; None without a value."""
    if not entry.exists:
        return None
    return int(entry.low > 0) - int(entry.high < 0)


def versus(entry: Entry, low: str = "lower than", high: str = "higher than") -> str:
    """Words for a paired difference."""
    words = {None: "not comparable with", -1: low, 0: "not clearly different from", 1: high}
    return words[sign(entry)]


def helped(tables: Tables, config: Config) -> pd.DataFrame:
    """In how many of the notebook's test environments IRM's error is clearly the lower one."""
    pairs = paired(tables, config)
    if pairs.empty:
        return pd.DataFrame()
    chosen = pairs[(pairs["study"] == "notebook") & (pairs["split"] == "test")]
    chosen = chosen[(chosen["quantity"] == "mse") & (chosen["environment"] != AVERAGE)]
    rows = [
        ("n_test_environments", len(chosen), "test environments of the notebook"),
        (
            "n_helped",
            int((chosen["ci_high"] < 0).sum()),
            "of these, those where the 95% interval of IRM's error less ERM's is below 0",
        ),
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

    Clearly: paired by seed, with intervals that hold together at 95% over the whole map
    (Bonferroni).
    """
    study = find_study(config, "sigma_grid")
    parts = cast(study, Looks(config)) if study else None
    if study is None or parts is None or not (parts.standard and parts.invariant):
        return pd.DataFrame()
    frame = _differences(tables["errors"], study, parts.invariant, parts.standard, "risk", "train")
    frame = frame[frame["split"] == "test"]
    groups = list(frame.groupby(["sigma", "train_sigmas"], sort=True)["difference"])
    rows = []
    for (sigma, train), values in groups:
        finite = values[np.isfinite(values)].to_numpy(dtype=float)
        if len(finite) < 2:
            rows.append((sigma, train, 0, 0))
            continue
        found = intervals.t_interval(finite, 1 - 0.05 / len(groups))
        rows.append((sigma, train, int(found.high < 0), int(found.low > 0)))
    better = pd.DataFrame(
        rows, columns=["sigma", "train_sigmas", "invariant_better", "standard_better"]
    )
    return better.groupby("sigma", as_index=False).agg(
        n_sets=("train_sigmas", "size"),
        invariant_better=("invariant_better", "sum"),
        standard_better=("standard_better", "sum"),
    )


def premium(tables: Tables, config: Config) -> pd.DataFrame:
    """What IRM costs where Z is made otherwise and still helps: name, value, meaning.

    Better: the 95% t interval of the paired difference of risks is on that side of 0. The range of
    γ is that of the largest σ, with τ as in training; without a number where ERM is nowhere better.
    """
    study = find_study(config, "z_mechanism")
    pairs = paired(tables, config)
    if study is None or pairs.empty:
        return pd.DataFrame()
    chosen = (pairs["study"] == study.name) & (pairs["quantity"] == "risk")
    pairs = pairs[chosen & (pairs["split"] == "test")].set_index("environment")
    environments = [e for e in study.test_environments if e.label in pairs.index]
    if not environments or not all({"gamma", "tau"} <= set(e.mapping) for e in environments):
        return pd.DataFrame()
    standard = pairs.index[pairs["ci_low"] > 0]
    invariant = pairs.index[pairs["ci_high"] < 0]
    sigma = max(e["sigma"] for e in environments)
    paid = [e for e in environments if e.label in standard and e["sigma"] == sigma]
    gammas = [e["gamma"] for e in paid if e["tau"] == UNCHANGED] or [math.nan]
    rows = [
        ("n_places", len(environments), "test environments of the study"),
        ("n_standard_better", len(standard.drop(AVERAGE, errors="ignore")), "ERM's risk lower"),
        ("n_invariant_better", len(invariant.drop(AVERAGE, errors="ignore")), "IRM's risk lower"),
        ("sigma", sigma, "the largest test σ"),
        ("standard_from", min(gammas), "least γ there with a lower risk of ERM"),
        ("standard_to", max(gammas), "largest γ there with a lower risk of ERM"),
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
FILTERS = {
    "calculator": calculator_of,
    "plane": plane_of,
    "feature": feature_label,
    "sign": sign,
    "versus": versus,
}
