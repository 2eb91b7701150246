"""Tables that the page shows of two methods on the same rows: their difference, seed by seed."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Study
from irm_bench.presentation.series import Looks, Series, at_base, cast, find_study
from irm_bench.statistics import intervals
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage import part_files
from irm_bench.storage.paged import Rows

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]

UNCHANGED = 1  # τ of the training environments
# Studies whose two methods the text compares.
PAIRED_STUDIES = ("notebook", "z_mechanism")
# What stands for the environment of a mean over them.
AVERAGE = "average"


def paired(tables: Tables, config: Config) -> pd.DataFrame:
    """IRM's error less ERM's by seed, in each environment of a study's first setting and over all.

    The methods share their rows, so that their difference is known far better than either error.
    """
    differences = []
    for name in PAIRED_STUDIES:
        study = find_study(config, name)
        both = cast(study, Looks(config)) if study else None
        if study is None or both is None or not (both.invariant and both.standard):
            continue
        for column in ("mse", "risk"):
            frame = _differences(tables["errors"], study, both.invariant, both.standard, column)
            by_seed = frame.groupby(["split", "seed"], sort=False, as_index=False)["difference"]
            average = by_seed.agg(lambda v: v.mean(skipna=False)).assign(environment=AVERAGE)
            for by_environment in (frame, average):
                means = over_seeds(by_environment, ["split", "environment"], "difference")
                differences.append(means.assign(study=name, quantity=column))
    return pd.concat(differences, ignore_index=True) if differences else pd.DataFrame()


def _differences(
    errors: Rows, study: Study, first: Series, second: Series, column: str, *varying: str
) -> pd.DataFrame:
    """A column of ``errors`` of one method less another's: training set, environment and seed."""
    pieces = at_base(errors.pieces, study, *varying)
    keys = ["train_sigmas", "split", "environment", "sigma", "seed"]
    ours, theirs = (_columns(errors, s.rows(pieces), [*keys, column]) for s in (first, second))
    both = ours.merge(theirs, on=keys, suffixes=("", "_second"), sort=False)
    return both.assign(difference=both[column] - both[f"{column}_second"])


def _columns(errors: Rows, pieces: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Some columns of the rows of pieces, few of which are held in their full width at once."""
    batches = errors.batches(["train_sigmas", "split", "environment"], pieces)
    return part_files.concat([rows[names] for rows in batches])


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


def helped(pairs: pd.DataFrame) -> pd.DataFrame:
    """In how many of the notebook's test environments IRM's error is clearly the lower one.

    ``pairs`` are those of ``paired``.
    """
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


def wins(tables: Tables, config: Config) -> pd.DataFrame:
    """For each test σ of the grid: training sets for which a method's risk is clearly lower.

    Clearly: paired by seed, with intervals that hold together at 95% over the whole map
    (Bonferroni).
    """
    study = find_study(config, "sigma_grid")
    both = cast(study, Looks(config)) if study else None
    if study is None or both is None or not (both.standard and both.invariant):
        return pd.DataFrame()
    frame = _differences(tables["errors"], study, both.invariant, both.standard, "risk", "train")
    frame = frame[frame["split"] == "test"]
    groups = list(frame.groupby(["sigma", "train_sigmas"], sort=True)["difference"])
    rows = []
    for (sigma, train), values in groups:
        finite = values[np.isfinite(values)].to_numpy(dtype=float)
        if len(finite) < 2:
            rows.append((sigma, train, 0, 0))
            continue
        interval = intervals.t_interval(finite, 1 - 0.05 / len(groups))
        rows.append((sigma, train, int(interval.high < 0), int(interval.low > 0)))
    better = pd.DataFrame(
        rows, columns=["sigma", "train_sigmas", "invariant_better", "standard_better"]
    )
    return better.groupby("sigma", as_index=False).agg(
        n_sets=("train_sigmas", "size"),
        invariant_better=("invariant_better", "sum"),
        standard_better=("standard_better", "sum"),
    )


def premium(pairs: pd.DataFrame, config: Config) -> pd.DataFrame:
    """What IRM costs where Z is made otherwise and still helps: name, value, meaning.

    Better: the 95% t interval of the paired difference of risks is on that side of 0. The range of
    γ is that of the largest σ, with τ as in training; without a number where ERM is nowhere better.
    ``pairs`` are those of ``paired``.
    """
    study = find_study(config, "z_mechanism")
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
