"""Tables that the page shows and no file holds: derived from the tables, the config and theory."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from irm_bench.config import Config, Study
from irm_bench.planning import exact
from irm_bench.presentation.series import (
    at_base,
    base_batches,
    cast,
    features,
    find_study,
    risks,
    seeds_of,
)
from irm_bench.publishing import verify
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]
ENDS = ["start", "end"]
VERDICTS = ("supported", "supported within a stated limit", "refuted", "inconclusive")
SETTING = ["sem", "dim", "n_samples", "train_sigmas", "method", "penalty", "error_weight"]

UNFINISHED = "share of irm_steps_phi_z that more updates would remove, percent"


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    makers: dict[str, Callable[[Tables, Config], pd.DataFrame]] = {
        "facts": facts,
        "closed_forms": closed_forms,
        "weights": weights,
        "penalty_ends": penalty_ends,
        "ideal": ideal,
        "wins": wins,
        "calculator": calculator,
        "coverage_ends": coverage_ends,
    }
    found = {name: make(tables, config) for name, make in makers.items()}
    return {name: frame for name, frame in found.items() if not frame.empty}


def facts(tables: Tables, config: Config) -> pd.DataFrame:
    """Counts and settings: name, value, meaning."""
    n_models, n_diverged = trained_models(tables["models"])
    rows: list[tuple[str, float, str]] = [
        ("n_seeds", len(config.seeds), "seeds used by any study"),
        ("n_models", n_models, "trained models; one that two studies share counts once"),
        ("n_diverged", n_diverged, "of these, models whose training diverged"),
        ("n_evaluations", len(tables["errors"]), "evaluations of a model in an environment"),
    ]
    for study in config.studies:
        rows += [
            (f"{study.name}.{n}", v, f"config, study {study.name}") for n, v in settings(study)
        ]
    rows += [*verdict_counts(tables), *printed_counts(tables), *helped_counts(tables, config)]
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


def trained_models(models: Rows) -> tuple[int, int]:
    """How many models were trained, and how many of them diverged."""
    pieces = models.pieces[models.pieces["steps"] > 0]
    n_models = n_diverged = 0
    for batch in models.batches([*SETTING, "learning_rate", "steps"], pieces):
        distinct = batch.drop_duplicates([*SETTING, "learning_rate", "steps", "seed"])
        n_models += len(distinct)
        n_diverged += int(distinct["diverged_at"].notna().sum())
    return n_models, n_diverged


def verdict_counts(tables: Tables) -> Iterator[tuple[str, float, str]]:
    """How many claims there are, and how many have each verdict."""
    if "claims" in tables:
        found = tables["claims"]["verdict"]
        yield "n_claims", len(found), "rows of claims"
        for verdict in VERDICTS:
            yield f"verdict {verdict}", int((found == verdict).sum()), "rows of claims"


def printed_counts(tables: Tables) -> Iterator[tuple[str, float, str]]:
    """How many of the notebook's numbers can be compared, and how many lie inside."""
    if "printed" in tables:
        inside = tables["printed"]["inside"].dropna()
        yield "n_printed", len(inside), "numbers of the notebook that are compared"
        yield "n_printed_inside", int(inside.sum()), "of these, inside the prediction interval"


def helped_counts(tables: Tables, config: Config) -> Iterator[tuple[str, float, str]]:
    """In how many of the notebook's test environments IRM's error is clearly the lower one."""
    study = find_study(config, "notebook")
    parts = cast(study) if study else None
    if study is None or parts is None or not (parts.invariant and parts.standard):
        return
    frame = at_base(tables["summary"], study)
    chosen = (frame["split"] == "test") & (frame["quantity"] == "mse") & (frame["ci_method"] == "t")
    both = [
        s.rows(frame[chosen]).set_index("environment") for s in (parts.invariant, parts.standard)
    ]
    better = both[0]["ci_high"] < both[1]["ci_low"]
    yield "n_test_environments", len(better), "test environments of the notebook"
    yield "n_helped", int(better.sum()), "of these, those where IRM's 95% interval is below ERM's"


def settings(study: Study) -> Iterator[tuple[str, float]]:
    """What a study's first setting is made of."""
    yield from study.model.options
    yield "n_samples", study.n_samples[0]
    yield "n_test_samples", study.n_test_samples
    yield "steps", study.steps
    yield "learning_rate", study.learning_rate.value
    yield "error_weight", study.error_weights[0]
    yield "n_seeds", len(study.seeds)
    yield "n_train_sets", len(study.train_sets)
    yield "least_n_samples", min(study.n_samples)
    yield "most_n_samples", max(study.n_samples)
    yield "learning_rate_safety", study.learning_rate.safety


def closed_forms(tables: Tables, config: Config) -> pd.DataFrame:
    """What theory says of the notebook's setting: name, value, meaning."""
    study = find_study(config, "notebook")
    if study is None:
        return pd.DataFrame()
    train, groups = study.train_sets[0], list(features(study).groups())
    weight, rate = study.error_weights[:1], study.learning_rate.value
    solutions = {"erm": (exact.pooled(study, train), "the minimiser of the summed risks")}
    if cast(study).invariant:
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
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


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
    parts = cast(study) if study else None
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


def coverage_ends(tables: Tables, config: Config) -> pd.DataFrame:
    """Least and most coverage of an interval over quantities, by seeds; n_seeds 0: any number."""
    frame = tables.get("coverage", pd.DataFrame())
    if frame.empty:
        return frame
    whole = pd.concat([frame, frame.assign(n_seeds=0)])
    groups = whole.groupby(["interval", "n_seeds"], as_index=False)
    return groups.agg(
        least=("coverage", "min"), most=("coverage", "max"), n_replicates=("n_replicates", "max")
    )


def compared(tables: Path, published: Path | None, config: Config) -> dict[str, pd.DataFrame]:
    """The run against the published one, a row a table; nothing where that has another config."""
    if published is None or not verify.is_comparable(config, published):
        return {}
    found = verify.compare(tables, published)
    return {"published": pd.DataFrame([asdict(c) | {"is_good": c.is_good} for c in found])}
