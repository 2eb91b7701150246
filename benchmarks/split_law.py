"""Splits drawn against their normal law: ``python benchmarks/split_law.py [--seeds 1000] [--n …]``.

The notebook's split-half model is trained three times for every seed: on splits of its rows
(``splits: drawn``), on what the law of splits gives for the same rows (``splits: gaussian``), and
on moments that are drawn by their law too (``sampling: moments``). Of the weights of X and of Z,
and of what splits add to them (their difference to the U-statistic's model of the same rows or
moments), the table has mean, spread and quantiles over seeds, and p values against drawn splits:

p_mean  paired t for the same rows, Welch's for moments
p_sd    Pitman and Morgan's for the same rows, Brown and Forsythe's for moments
p_ks    Kolmogorov and Smirnov's of two samples (for the same rows it is too large, they are alike)

A run that diverged has no weights: it is counted, and its seed left out of both samples.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scaling import study
from irm_bench import config
from irm_bench.planning import plan
from irm_bench.stages import simulate, train
from irm_bench.storage.handover import TrainedStore

# How each model has its rows and splits.
WAYS = {
    "drawn": {"sampling": "rows", "splits": "drawn"},
    "rows": {"sampling": "rows", "splits": "gaussian"},
    "moments": {"sampling": "moments", "splits": "gaussian"},
}
PENALTIES = ("split_half", "u_statistic")
QUANTILES = (0.05, 0.5, 0.95)
Array = np.ndarray


def phis(n_samples: int, n_steps: int, n_seeds: int) -> dict[tuple[str, str], Array]:
    """φ (run, d) of every way and penalty; NaN of a run that diverged."""
    keys = {"n_samples": n_samples, "steps": n_steps, "seeds": n_seeds}
    methods = [{"name": "irm", "penalty": penalty} for penalty in PENALTIES]
    raw = study(test_environments=[{"sigma": 1.0}], n_test_samples=6, methods=methods, **keys)
    (base,) = raw["studies"]
    raw["studies"] = [{**base, "name": name, **way} for name, way in WAYS.items()]
    parsed = config.parse(raw)
    shards = [_of_shard(parsed, shard) for shard in range(plan.n_shards(parsed))]
    return {key: np.concatenate([of_shard[key] for of_shard in shards]) for key in shards[0]}


def _of_shard(parsed: config.Config, shard: int) -> dict[tuple[str, str], Array]:
    """The same of the seeds of a shard: many seeds make several."""
    with tempfile.TemporaryDirectory() as name:
        moments = Path(name) / "moments.npz"
        simulate.run(parsed, shard, moments)
        paths = {group: Path(name) / f"{group}.npz" for group in plan.groups(parsed)}
        for group, path in paths.items():
            train.run(parsed, group, shard, moments, path)
        store = TrainedStore(parsed, paths.values())
        return {
            (one.name, cell.key.penalty): store.get(cell, "phi")[-1].T
            for one in parsed.studies
            for cell in plan.cells_of(one)
        }


def quantities(weights: dict[tuple[str, str], Array], way: str) -> dict[str, Array]:
    """The weights of X and of Z (run,), and what splits add to them."""
    split, mean = (weights[way, penalty] for penalty in PENALTIES)
    half = split.shape[1] // 2
    named: dict[str, Array] = {}
    for name, phi in (("", split), (", by splits", split - mean)):
        named[f"X{name}"] = phi[:, :half].mean(axis=1)
        named[f"Z{name}"] = phi[:, half:].mean(axis=1)
    return named


def compare(mine: Array, drawn: Array, same_rows: bool) -> dict[str, float]:
    """p values of two samples (run,), paired if they are of the same rows."""
    if same_rows:
        p_mean = stats.ttest_rel(mine, drawn).pvalue
        p_sd = stats.pearsonr(mine + drawn, mine - drawn).pvalue
    else:
        p_mean = stats.ttest_ind(mine, drawn, equal_var=False).pvalue
        p_sd = stats.levene(mine, drawn, center="median").pvalue
    return {"p_mean": p_mean, "p_sd": p_sd, "p_ks": stats.ks_2samp(mine, drawn).pvalue}


def rows_of(weights: dict[tuple[str, str], Array]) -> Iterator[dict[str, Any]]:
    """The rows of the table for one n."""
    told = {way: quantities(weights, way) for way in WAYS}
    for quantity, drawn in told["drawn"].items():
        for way in WAYS:
            values = told[way][quantity]
            is_there = np.isfinite(values)
            both = is_there & np.isfinite(drawn)
            row: dict[str, Any] = {"quantity": quantity, "splits": way}
            row |= {"n_seeds": int(both.sum()), "n_diverged": int((~is_there).sum())}
            row |= {"mean": values[both].mean(), "sd": values[both].std(ddof=1)}
            for q, value in zip(QUANTILES, np.quantile(values[both], QUANTILES), strict=True):
                row[f"q{q:g}"] = value
            if way != "drawn":
                row |= compare(values[both], drawn[both], same_rows=way == "rows")
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[50, 1000, 10_000])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=50_000)
    given = parser.parse_args()
    for n_samples in given.n:
        table = pd.DataFrame(rows_of(phis(n_samples, given.steps, given.seeds)))
        print(f"n = {n_samples:,}, {given.seeds:,} seeds, {given.steps:,} updates")
        print(table.to_string(index=False, na_rep="", float_format=lambda x: f"{x:.4g}"))


if __name__ == "__main__":
    main()
