"""The map: where every method tends to on the data of every study, and where it ends on samples.

A method's part of it depends on no other method, so that a new one is one job. On exact moments its
LIMIT is taken; on a sample's moments it has its default parameters. In either case its minimum is
searched from several starts (``engine/limits.py``); nothing is trained.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from irm_bench import theory
from irm_bench.config import Config, MapMethod, Study
from irm_bench.engine import limits
from irm_bench.engine.limits import Ends, Pool
from irm_bench.errors import about
from irm_bench.planning import sampling
from irm_bench.planning.plan import TRAIN, Dataset
from irm_bench.plugins.model import with_intercept
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.statistics.streams import generator
from irm_bench.storage import part_files, tables
from irm_bench.storage.contracts.mapped import STAGE
from irm_bench.theory.moments import Moments, risk, stack

Array = np.ndarray
LIMIT, SAMPLE = "limit", "sample"
DISTANCE, WORST, SHIFT, RANK = "distance", "worst_risk", "shift_risk", "rank"
# Rows that exact moments stand for, to tests that ask for their number.
LIMIT_ROWS = 1_000_000_000
# Seeds whose mechanisms a limit is taken for, where data models draw them.
N_MECHANISMS = 5
# Starts on samples: ones, zeros, ERM and a random one.
N_SAMPLE_STARTS = 4
# Features of which the map holds fourth moments: there are as many as their number to the fourth.
MAX_FEATURES = 6
# Ends nearer than this are one minimum; risks this near, beside their size, share a rank.
SAME = 1e-3
SAME_RISK = 1e-6
# Decimals that are kept: searches end within less of a minimum, on any processor.
DECIMALS = 6
# A start at 0 may be a saddle, where no gradient leads away.
JITTER = 1e-3


@dataclass(frozen=True)
class Data:
    """The data of a study, as methods see them in one regime: a run a seed."""

    config: Config
    study: Study
    regime: str

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds: of an exact limit those whose mechanisms differ."""
        if self.regime == SAMPLE:
            return self.study.seeds
        return (0,) if self.study.model.is_fixed else self.study.seeds[:N_MECHANISMS]

    @cached_property
    def causal(self) -> Array:
        """The invariant predictor (run, d)."""
        model, root = self.study.model, self.config.root_seed
        return np.array([model.causal(model.mechanism(root, seed)) for seed in self.seeds])

    def pool(self, needs_products: bool) -> Pool:
        """The moments of its training environments."""
        parts, variances = [], []
        n_rows = LIMIT_ROWS if self.regime == LIMIT else max(self.study.n_samples)
        for environment in self.study.train_sets[0]:
            if self.regime == LIMIT:
                moments = self._exact(environment)
                covariance = self.study.model.product_covariance(environment.mapping)
                of_seeds = None if covariance is None else [covariance] * len(self.seeds)
            else:
                moments, of_seeds = self._sampled(environment, n_rows, needs_products)
            parts.append(moments)
            variances.append(of_seeds)
        is_known = all(found is not None for found in variances)
        variance = np.array(variances) / n_rows if is_known else None
        return Pool(stack(parts), n_rows, variance, self.causal)

    def _exact(self, environment: Any) -> Moments:
        """Exact moments (run, …) of an environment."""
        model, root = self.study.model, self.config.root_seed
        by_environment = []
        for seed in self.seeds:
            moments = model.population(environment.mapping, model.mechanism(root, seed))
            assert moments is not None  # ``_why_not`` has seen to it
            by_environment.append(moments)
        return stack(by_environment)

    def _sampled(
        self, environment: Any, n_rows: int, needs_products: bool
    ) -> tuple[Moments, list[Array] | None]:
        """Moments (run, …) of a sample a seed, and the covariances of their products."""
        dataset = Dataset(self.study.model, n_rows, TRAIN, environment)
        moments, covariances = [], []
        for seed in self.seeds:
            found, covariance = sampling.summarise(
                dataset, self.config.root_seed, seed, needs_products
            )
            moments.append(found)
            if covariance is not None:
                covariances.append(covariance)
        return stack(moments), covariances if needs_products else None

    def risks(self, phi: Array, environments: Sequence[Any]) -> Array:
        """Exact risks (environment, run) of φ (run, d)."""
        return np.array([risk(phi, self._exact(environment)) for environment in environments])

    def starts(self, pool: Pool, n_starts: int) -> Array:
        """Starts (start, run, d): ones, zeros, ERM, then the oracle unless on samples, and random
        ones."""
        n_runs, d = self.causal.shape
        study = self.study.name
        rng = generator(self.config.root_seed, role="map", names=(study, self.regime))
        ones = np.ones((n_runs, d))
        nearly_zero = JITTER * rng.standard_normal((n_runs, d))
        moved = Moments(*(np.swapaxes(part, 0, 1) for part in _arrays(pool.moments)))
        erm = theory.pooled_least_squares(moved)
        known = [ones, nearly_zero, erm]
        if self.regime == LIMIT:
            known.append(self.causal)
        n_random = n_starts - len(known)
        return np.concatenate([known, 1.5 * rng.standard_normal((n_random, n_runs, d))])


def _arrays(moments: Moments) -> tuple[Array, Array, Array]:
    return moments.gram, moments.cross, moments.target


def methods(config: Config) -> dict[str, MapMethod]:
    """The methods of the map by name."""
    assert config.map is not None
    return {method.name: method for method in config.map.methods}


def run(config: Config, name: str, runs: Path | str, minima: Path | str) -> None:
    """Write a method's part of the map: its runs, and the ends of its searches."""
    torch.set_num_threads(1)
    method = methods(config)[name]
    found_runs, found_minima = [], []
    for study in config.studies:
        with about(f"method {name} on the data of {study.name}"):
            for regime in (LIMIT, SAMPLE):
                rows, ends = locate(config, method, study, regime)
                found_runs += rows
                found_minima += ends
    contracts = tables.contracts(config)
    for path, table, rows in (
        (runs, "map_runs", found_runs),
        (minima, "minima", found_minima),
    ):
        frame = pd.DataFrame(rows, columns=contracts[table].names)
        part_files.write(path, STAGE, config.map_hash, frame)


def locate(
    config: Config, method: MapMethod, study: Study, regime: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The runs of a method on a study's data, and, in the limit, the ends of its starts."""
    data = Data(config, study, regime)
    keys = {"data": study.name, "method": method.name}
    reason = why_not(method, study, regime)
    if reason:
        return list(_without(keys | {"regime": regime}, reason)), []
    pool = data.pool("product_variance" in _needs(method))
    n_starts = N_SAMPLE_STARTS if regime == SAMPLE else _map(config).starts
    ends = find_ends(method, pool, data.starts(pool, n_starts), is_limit=regime == LIMIT)
    phi, _ = ends.best()
    why = _silent(method, ends, phi)
    phi = np.where(np.array([bool(text) for text in why])[:, None], np.nan, phi)
    rows = list(_measured(data, keys | {"regime": regime}, phi, why))
    return rows, list(_ends(data, keys, ends)) if regime == LIMIT else []


def _map(config: Config) -> Any:
    assert config.map is not None
    return config.map


def _needs(method: MapMethod) -> set[str]:
    needs = set(method.plugin.get("NEEDS", ()))
    return needs | set(method.penalty.get("NEEDS", ()) if method.penalty else ())


def why_not(method: MapMethod, study: Study, regime: str) -> str:
    """Why a method has no place on a study's data; empty if it has one."""
    plugin, model = method.plugin, study.model
    n_environments = len(study.train_sets[0])
    least = plugin.get("MIN_ENVIRONMENTS", 1)
    if not (model.has("population") and model.has("causal_solution")):
        return "the data model does not know its exact moments or its invariant predictor"
    if "squared" not in plugin.get("LOSSES", ("squared",)):
        return "it does not train on the squared loss"
    if n_environments < least:
        return f"it needs {least} environments, and there are {n_environments}"
    if 2**model.n_features - 1 > plugin.get("MAX_SUBSETS", np.inf):
        return f"{2**model.n_features - 1:,} subsets of the features are too many"
    lacking = _needs(method) & {"rows", "splits"}
    if lacking:
        return f"it needs {', '.join(sorted(lacking))}, and the map holds moments alone"
    if "product_variance" in _needs(method) and model.n_features > MAX_FEATURES:
        return f"the fourth moments of {model.n_features} features are too many"
    needs_products = regime == LIMIT and "product_variance" in _needs(method)
    if needs_products and model.product_covariance(study.train_sets[0][0].mapping) is None:
        return "it needs fourth moments, which the data model does not know"
    return ""


def find_ends(method: MapMethod, pool: Pool, starts: Array, is_limit: bool) -> Ends:
    """Where starts (start, run, d) end; of a method with an intercept, that is then left out."""
    plugin = method.plugin
    has_intercept = "intercept" in plugin.get("NEEDS", ())
    if has_intercept:
        pool = _with_intercept(method, pool)
        starts = np.concatenate([starts, np.zeros((*starts.shape[:2], 1))], axis=2)
    params = {name: float(value) for name, value in plugin.get("PARAMS", {}).items()}
    limit = {name: float(value) for name, value in plugin.get("LIMIT", {}).items()}
    penalty: Any = method.penalty.load() if method.penalty else None
    ends = limits.ends(plugin.load(), penalty, pool, starts, params, limit, is_limit)
    return replace(ends, phi=ends.phi[..., :-1]) if has_intercept else ends


def _with_intercept(method: MapMethod, pool: Pool) -> Pool:
    """The pool of features with a constant 1 behind them."""
    rows = []
    for e in range(len(pool.moments.gram)):
        of_runs = [
            with_intercept(pool.moments.at((e, run)), method.plugin) for run in range(pool.n_runs)
        ]
        rows.append(stack(of_runs))
    causal = None
    if pool.causal is not None:
        causal = np.hstack([pool.causal, np.zeros((pool.n_runs, 1))])
    return Pool(stack(rows), pool.n_samples, None, causal)


def _silent(method: MapMethod, ends: Ends, phi: Array) -> list[str]:
    """Of each run, why it has no answer; empty if it has one."""
    told = method.plugin.get("NO_ANSWER")
    none = np.zeros(len(phi), dtype=bool)
    if told and told[0] in ends.extras:
        none = ends.extras[told[0]] == 0
    fails = method.plugin.get("FAILS", "no start of the search ends at a minimum")
    reasons = []
    for lost, is_silent in zip(~np.isfinite(phi).all(axis=1), none, strict=True):
        reasons.append(str(told[1]) if is_silent else str(fails) if lost else "")
    return reasons


def _without(keys: dict[str, str], reason: str) -> Iterator[dict[str, Any]]:
    """The rows of a method without a place."""
    for quantity in (DISTANCE, WORST, SHIFT):
        yield {**keys, "quantity": quantity, "seed": 0, "value": np.nan, "reason": reason}


def _measured(
    data: Data, keys: dict[str, str], phi: Array, why: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The rows of φ (run, d)."""
    distance = np.linalg.norm(phi - data.causal, axis=1)
    worst = data.risks(phi, data.study.test_environments).max(axis=0)
    shift = _map(data.config).shifts.get(data.study.name)
    shifted = np.full(len(phi), np.nan) if shift is None else data.risks(phi, [shift])[0]
    no_shift = "" if shift else "the data have no mechanism that is shifted"
    for quantity, values in ((DISTANCE, distance), (WORST, worst), (SHIFT, shifted)):
        for seed, value, reason in zip(data.seeds, np.round(values, DECIMALS), why, strict=True):
            of_shift = no_shift if quantity == SHIFT else ""
            told = {"seed": seed, "value": value, "reason": reason or of_shift}
            yield {**keys, "quantity": quantity, **told}


def _ends(data: Data, keys: dict[str, str], ends: Ends) -> Iterator[dict[str, Any]]:
    """The rows of the ends of the first run's starts."""
    phi, done = ends.phi[:, 0], ends.converged[:, 0]
    names = [f"phi_{j + 1}" for j in range(phi.shape[1])]
    near = np.linalg.norm(phi[:, None] - phi[None], axis=2) < SAME
    share = (near & done[:, None] & done[None]).mean(axis=1)
    distance = np.linalg.norm(phi - data.causal[0], axis=1)
    # + 0.0: no negative zeros
    phi, distance = np.round(phi, DECIMALS) + 0.0, np.round(distance, DECIMALS)
    for start in range(len(phi)):
        told = {
            "seed": start,
            "objective": float(f"{ends.objective[start, 0]:.{DECIMALS}g}"),
            "converged": int(done[start]),
            "distance": distance[start],
            "share": share[start],
        }
        yield {**keys, **told, **dict(zip(names, phi[start], strict=True))}


def merge(
    config: Config, parts: Sequence[tuple[Path | str, Path | str]], folder: Path | str
) -> None:
    """Read the parts (runs, minima) of all methods and write the tables of the map."""
    contracts = tables.contracts(config)
    runs = _joined(config, [runs for runs, _ in parts])
    minima = _joined(config, [minima for _, minima in parts])
    controls = [name for name, m in methods(config).items() if m.plugin.get("IS_CONTROL", False)]
    runs = pd.concat([runs, ranks(runs, controls)], ignore_index=True)
    for name, frame in (
        ("map_runs", _grouped(runs, contracts["map_runs"].keys)),
        ("minima", _grouped(minima, contracts["minima"].keys)),
        ("map", summary(runs, minima)),
    ):
        tables.write(Path(folder) / f"{name}.csv", frame[contracts[name].names], contracts[name])


def _joined(config: Config, paths: Sequence[Path | str]) -> pd.DataFrame:
    """Parts one below the other; texts as texts, for they are compared and joined."""
    parts = []
    for path in paths:
        part = part_files.read(path, STAGE, config.map_hash)
        texts = part.select_dtypes("category").columns
        parts.append(part.astype(dict.fromkeys(texts, "object")))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _grouped(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Rows of equal keys together, in the order in which keys first stand."""
    order = frame.groupby(list(keys), sort=False).ngroup()
    return frame.iloc[np.argsort(order.to_numpy(), kind="stable")]


def ranks(runs: pd.DataFrame, controls: Sequence[str]) -> pd.DataFrame:
    """The rank of every method by worst-case risk, seed by seed; ties share their mean rank."""
    worst = runs[(runs["quantity"] == WORST) & ~runs["method"].isin(controls)].copy()
    # risks that differ by less than SAME_RISK of their size are one
    digits = -int(np.log10(SAME_RISK))
    worst["value"] = [float(f"{value:.{digits}g}") for value in worst["value"]]
    groups = worst.groupby(["data", "regime", "seed"], sort=False)["value"]
    return worst.assign(quantity=RANK, value=groups.rank())


def summary(runs: pd.DataFrame, minima: pd.DataFrame) -> pd.DataFrame:
    """The map: the mean over seeds of every quantity, with its interval."""
    keys = ["data", "method", "regime", "quantity"]
    table = over_seeds(runs, keys, "value").rename(columns={"mean": "value"})
    reasons = runs.groupby(keys, sort=False)["reason"].agg(_reason).reset_index()
    table = table.merge(reasons, on=keys, how="left")
    # of a value that there is, the reason is of some seeds, which n_diverged counts
    table.loc[table["value"].notna(), "reason"] = ""
    counted = minima[minima["converged"] == 1].groupby(["data", "method"], sort=False)
    numbers = counted.apply(_n_minima, include_groups=False).rename("n_minima").reset_index()
    if len(numbers):
        table = table.merge(numbers, on=["data", "method"], how="left")
    else:
        table["n_minima"] = np.nan
    table.loc[table["regime"] != LIMIT, "n_minima"] = np.nan
    return table


def _reason(reasons: pd.Series) -> str:
    """The most frequent reason that there is."""
    told = reasons[reasons != ""]
    return "" if told.empty else str(told.mode().iloc[0])


def _n_minima(ends: pd.DataFrame) -> int:
    """How many ends are distinct."""
    names = [name for name in ends if str(name).startswith("phi_") and ends[name].notna().all()]
    points = ends[names].to_numpy(dtype=float)
    distinct: list[Array] = []
    for point in points:
        if all(np.linalg.norm(point - other) >= SAME for other in distinct):
            distinct.append(point)
    return len(distinct)
