"""Stage 5: the shards' parts → the tables of results/tables, and their summaries over seeds."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from irm_bench.config import Config
from irm_bench.config.layout import layout_of
from irm_bench.planning.columns import ORDER
from irm_bench.planning.plan import TEST
from irm_bench.stages import evaluate
from irm_bench.statistics import bootstrap, intervals
from irm_bench.statistics.streams import generator
from irm_bench.storage import contracts, part_files, tables
from irm_bench.storage.contracts import evaluated

WHERE = list(contracts.names(contracts.WHERE))
N_RESAMPLES = 2000
# What stands for the environment of a mean over the test environments.
AVERAGE = "average"


def run(config: Config, parts: Sequence[Path | str], output: Path | str) -> None:
    """Write every table of the contracts into the folder ``output``.

    The tables of a row a seed pass through in pieces, which are summarised on the way.
    """
    contracts = tables.contracts(config)
    summaries: dict[str, list[pd.DataFrame]] = defaultdict(list)

    def pieces(name: str) -> Iterator[pd.DataFrame]:
        paths = [Path(part) / f"{name}.npz" for part in parts]
        keys = [*ORDER, "seed"]
        for piece in part_files.merged(paths, evaluate.STAGE, config.stage_hash, keys):
            if name in ("models", "errors"):
                summaries["summary"].append(summarise(config, piece))
            if name == "trajectories":
                summaries["trajectory_summary"].append(summarise_trajectories(config, piece))
            yield piece.reindex(columns=contracts[name].names)

    for name in tables.parts(config, evaluate.STAGE):
        tables.write_pieces(Path(output) / f"{name}.csv", pieces(name), contracts[name])
    for name in ("summary", "trajectory_summary"):
        whole = _joined(summaries[name], contracts[name])
        tables.write(Path(output) / f"{name}.csv", whole, contracts[name])


def _joined(pieces: Sequence[pd.DataFrame], contract: tables.Contract) -> pd.DataFrame:
    """Summaries of pieces as one table: quantity by quantity, and of each as the pieces come."""
    if not pieces:
        return pd.DataFrame(columns=contract.names)
    whole = pd.concat(pieces, ignore_index=True).reindex(columns=contract.names)
    texts = [name for name in WHERE if name in whole]
    whole[texts] = whole[texts].fillna("")
    return whole.iloc[np.argsort(pd.factorize(whole["quantity"])[0], kind="stable")]


def summarise(config: Config, piece: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of every quantity of the models, or of the errors, of whole cells, once with
    each kind of interval."""
    if "optimum" in piece:
        piece = piece.assign(excess_risk=piece["risk"] - piece["optimum"])
        if config.has_averages:
            piece = pd.concat([piece, averages(config, piece)], ignore_index=True)
        keys = [key for key in tables.contracts(config)["errors"].keys if key in piece]
        metrics = list(layout_of(config).metrics)
        lost = ~np.isfinite(piece[metrics].to_numpy(dtype=float)).any(axis=1)
        groups = _Groups(piece, keys, [*metrics, "risk", "excess_risk"], lost)
    else:
        lost = piece["diverged_at"].notna().to_numpy()
        groups = _Groups(piece, _setting(config), [*_phis(piece), *_others(config)], lost)
    student = groups.statistics(intervals.t_intervals).assign(ci_method="t")
    bootstrap = groups.statistics(partial(_bootstrap, config.root_seed)).assign(ci_method="BCa")
    return pd.concat([student, bootstrap]).sort_index(kind="stable")


def averages(config: Config, errors: pd.DataFrame) -> pd.DataFrame:
    """The errors of every model and seed averaged over the test environments, a row each."""
    of_tests = errors[errors["split"] == TEST]
    keys = [*_setting(config), "seed"]
    quantities = [*layout_of(config).metrics, "risk", "excess_risk"]
    groups = of_tests.groupby(keys, sort=False, dropna=False, observed=True)[quantities]
    # a mean leaves out what is not known: then it is not the mean over all
    is_whole = groups.count().eq(groups.size(), axis=0)
    found = groups.mean().where(is_whole).reset_index()
    return found.assign(split=TEST, environment=AVERAGE)


def _bootstrap(root_seed: int, matrix: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean and BCa bounds of every row (group, n): all groups of equal n share their resamples."""
    rng = generator(root_seed, role="bootstrap", n_seeds=matrix.shape[1])
    bounds = bootstrap.bca_mean_intervals(matrix, rng, n_resamples=N_RESAMPLES)
    return (matrix.mean(axis=1), *bounds)


def summarise_trajectories(config: Config, piece: pd.DataFrame) -> pd.DataFrame:
    """Mean with its t interval, and 5% and 95% quantiles over seeds, at every recorded step."""
    quantities = [*_phis(piece), "train_risk", "penalty_estimate"]
    lost = ~np.isfinite(piece["phi_1"].to_numpy(dtype=float))
    groups = _Groups(piece, [*_setting(config), "step"], quantities, lost)
    frame = groups.statistics(intervals.t_intervals).assign(ci_method="t")
    for name, probability in (("q05", 0.05), ("q95", 0.95)):
        frame[name] = groups.quantile(probability)
    return frame


def _setting(config: Config) -> list[str]:
    """The columns that tell trained models apart."""
    return list(tables.contracts(config)["models"].keys)


def _others(config: Config) -> list[str]:
    """What the table of trained models says of a run beside φ."""
    layout = layout_of(config)
    extras = [name for name, _ in layout.extras]
    truths = [name for name, *_ in evaluated.against_truth(layout)]
    return ["train_risk", "final_penalty", *extras, *truths]


def _phis(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if str(name).startswith("phi_")]


class _Groups:
    """Values over seeds: quantity by quantity, the rows of equal keys, as they first appear.

    ``lost`` says of each row whether its run diverged. A quantity without any value is one that is
    not known, such as the risk of a SEM without exact moments: that alone makes no run diverged.
    """

    def __init__(
        self, table: pd.DataFrame, keys: list[str], quantities: list[str], lost: np.ndarray
    ):
        number = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
        first, sizes = np.unique(number, return_index=True, return_counts=True)[1:]
        order, bounds = np.argsort(number, kind="stable"), np.cumsum(sizes)[:-1]
        heads = _as_texts(table[keys].iloc[first])
        self._keys = pd.concat([heads.assign(quantity=q) for q in quantities], ignore_index=True)
        self._values: list[np.ndarray] = []
        self._n_diverged: list[int] = []
        n_lost = [int(part.sum()) for part in np.split(lost[order], bounds)]
        for quantity in quantities:
            self._add(n_lost, np.split(table[quantity].to_numpy(dtype=float)[order], bounds))
        self._n = np.array([len(values) for values in self._values], dtype=np.int64)

    def _add(self, n_lost: list[int], groups: list[np.ndarray]) -> None:
        for lost, values in zip(n_lost, groups, strict=True):
            finite = values[np.isfinite(values)]
            self._values.append(finite)
            self._n_diverged.append(len(values) - len(finite) if len(finite) else lost)

    def statistics(self, interval: Callable[[np.ndarray], tuple]) -> pd.DataFrame:
        """Keys, counts, mean, sd and the interval of each group; groups of equal n at once."""
        table = np.full((len(self._n), 4), np.nan)
        for chosen, matrix in self._of_equal_n():
            mean, low, high = interval(matrix)
            n = matrix.shape[1]
            sd = matrix.std(axis=1, ddof=1) if n > 1 else np.full(len(chosen), np.nan)
            table[chosen] = np.column_stack([mean, sd, low, high])
        return self._keys.assign(
            n_seeds=self._n,
            n_diverged=self._n_diverged,
            **dict(zip(("mean", "sd", "ci_low", "ci_high"), table.T, strict=True)),
        )

    def quantile(self, probability: float) -> np.ndarray:
        found = np.full(len(self._n), np.nan)
        for chosen, matrix in self._of_equal_n():
            found[chosen] = np.quantile(matrix, probability, axis=1)
        return found

    def _of_equal_n(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Which groups have n values, and these (group, n), for every n but 0."""
        for n in np.unique(self._n[self._n > 0]):
            chosen = np.flatnonzero(self._n == n)
            yield chosen, np.stack([self._values[i] for i in chosen])


def _as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as texts."""
    return frame.astype(dict.fromkeys(frame.select_dtypes("category"), str))
