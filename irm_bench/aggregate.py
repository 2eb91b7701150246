"""Stage 4: the shards' parts → the tables of results/tables, and their summaries over seeds."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from irm_bench import evaluate, frames, intervals, tables
from irm_bench.config import Config
from irm_bench.seeds import generator

SETTING = [column.name for column in tables.SETTING]
N_RESAMPLES = 2000


def run(config: Config, parts: Sequence[Path | str], output: Path | str) -> None:
    """Write every table of the contracts into the folder ``output``."""
    contracts = tables.contracts(config)

    def write(name: str, frame: pd.DataFrame) -> pd.DataFrame:
        tables.write(Path(output) / f"{name}.csv", frame, contracts[name])
        return frame

    def merged(name: str) -> pd.DataFrame:
        paths = [evaluate.part_paths(part)[name] for part in parts]
        keys = [*evaluate.ORDER, "seed"]
        read = partial(frames.read, stage=evaluate.STAGE, config_hash=config.stage_hash)
        return write(name, tables.merge(map(read, paths), keys, contracts[name]))

    # The largest table is let go of before the next is read.
    write("summary", summarise(config, merged("models"), merged("errors"), contracts["summary"]))
    summary = summarise_trajectories(merged("trajectories"), contracts["trajectory_summary"])
    write("trajectory_summary", summary)
    for name in ("environments", "histograms"):
        merged(name)


def summarise(
    config: Config, models: pd.DataFrame, errors: pd.DataFrame, contract: tables.Contract
) -> pd.DataFrame:
    """Mean over seeds of every quantity of every cell, once with each kind of interval."""
    phis = [name for name in models if str(name).startswith("phi_")]
    errors = errors.assign(excess_risk=errors["risk"] - errors["optimum"])
    where = [c for c in contract.names if c in errors and c not in SETTING]
    groups = _Groups(
        (models, SETTING, [*phis, "train_risk", "final_penalty"]),
        (errors, [*SETTING, *where], ["mse", "risk", "excess_risk"]),
    )
    rng = generator(config.root_seed, role="bootstrap")
    student = groups.statistics(intervals.t_intervals).assign(ci_method="t")
    bootstrap = groups.statistics(
        lambda matrix: (
            matrix.mean(axis=1),
            *intervals.bca_mean_intervals(matrix, rng, n_resamples=N_RESAMPLES),
        )
    ).assign(ci_method="BCa")
    both = pd.concat([student, bootstrap]).sort_index(kind="stable")
    both[["split", "environment"]] = both[["split", "environment"]].fillna("")
    return both.reindex(columns=contract.names).reset_index(drop=True)


def summarise_trajectories(trajectories: pd.DataFrame, contract: tables.Contract) -> pd.DataFrame:
    """Mean with its t interval, and 5% and 95% quantiles over seeds, at every recorded step."""
    phis = [name for name in trajectories if str(name).startswith("phi_")]
    quantities = [*phis, "train_risk", "penalty_estimate"]
    groups = _Groups((trajectories, [*SETTING, "step"], quantities))
    frame = groups.statistics(intervals.t_intervals).assign(ci_method="t")
    for name, probability in (("q05", 0.05), ("q95", 0.95)):
        frame[name] = groups.quantile(probability)
    return frame.reindex(columns=contract.names).reset_index(drop=True)


class _Groups:
    """Values over seeds: for each part (table, keys, quantities), quantity by quantity, the rows of
    equal keys, in order of first appearance."""

    def __init__(self, *parts: tuple[pd.DataFrame, list[str], list[str]]):
        heads: list[pd.DataFrame] = []
        self._values: list[np.ndarray] = []
        self._n_diverged: list[int] = []
        for table, keys, quantities in parts:
            number = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
            first, sizes = np.unique(number, return_index=True, return_counts=True)[1:]
            order, bounds = np.argsort(number, kind="stable"), np.cumsum(sizes)[:-1]
            for quantity in quantities:
                heads.append(_as_texts(table[keys].iloc[first]).assign(quantity=quantity))
                self._add(np.split(table[quantity].to_numpy(dtype=float)[order], bounds))
        self._keys = pd.concat(heads, ignore_index=True)
        self._n = np.array([len(values) for values in self._values], dtype=np.int64)

    def _add(self, groups: list[np.ndarray]) -> None:
        for values in groups:
            finite = values[np.isfinite(values)]
            self._values.append(finite)
            self._n_diverged.append(len(values) - len(finite))

    def statistics(self, interval: Callable[[np.ndarray], tuple]) -> pd.DataFrame:
        """Keys, counts, mean, sd and the interval of each group; groups of equal n at once."""
        table = np.full((len(self._n), 4), np.nan)
        for n in np.unique(self._n[self._n > 0]):
            chosen = np.flatnonzero(self._n == n)
            matrix = np.stack([self._values[i] for i in chosen])
            mean, low, high = interval(matrix)
            sd = matrix.std(axis=1, ddof=1) if n > 1 else np.full(len(chosen), np.nan)
            table[chosen] = np.column_stack([mean, sd, low, high])
        return self._keys.assign(
            n_seeds=self._n,
            n_diverged=self._n_diverged,
            **dict(zip(("mean", "sd", "ci_low", "ci_high"), table.T, strict=True)),
        )

    def quantile(self, probability: float) -> np.ndarray:
        return np.array([np.quantile(v, probability) if len(v) else np.nan for v in self._values])


def _as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as texts."""
    return frame.astype(dict.fromkeys(frame.select_dtypes("category"), str))
