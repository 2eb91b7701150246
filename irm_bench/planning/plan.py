"""What has to be computed for a config: datasets, cells and jobs, each once however often used.

A *dataset* is the rows of one environment, one of them a seed. A *cell* is all that defines a
trained model but its seed. Studies that overlap share both.
"""

import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pkgutil import resolve_name
from typing import Any

import numpy as np

from irm_bench.config import Config, Environment, Method, ModelKey, Optimiser, Selection, Study
from irm_bench.config.layout import set_label
from irm_bench.config.model import GAUSSIAN
from irm_bench.plugins.model import Model
from irm_bench.plugins.registry import Plugin
from irm_bench.theory import small
from irm_bench.theory.moments import Moments

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# The training job of all that is soon done: as many products as are made in some five seconds.
QUICK, QUICK_PRODUCTS = "quick", 10**10


@dataclass(frozen=True)
class Dataset:
    """Rows of one environment; train, validation and test are separate random streams."""

    model: Model
    n_samples: int
    split: str
    environment: Environment
    sampling: str = "rows"

    @property
    def axes(self) -> dict[str, object]:
        """The names that key its random stream; what is drawn from it is the stream's role."""
        axes: dict[str, object] = {"sem": self.model.sem.name, **self.model.option}
        axes |= {"n_samples": self.n_samples, "split": self.split}
        for name, value in self.environment.parameters:
            axes[f"environment_{name}"] = value
        return axes


@dataclass(frozen=True)
class Cell:
    """All that defines a trained model but its seed; None where a key means nothing to a method."""

    model: Model
    loss: Plugin
    n_samples: int
    train: tuple[Environment, ...]
    method: Plugin
    penalty: Plugin | None
    monitor: Plugin
    params: tuple[tuple[str, float], ...]
    learning_rate: float | None
    optimiser: Optimiser | None
    start: str
    steps: int
    sampling: str
    splits: str
    precision: str | None

    @property
    def key(self) -> ModelKey:
        return ModelKey(self.method.name, self.penalty.name if self.penalty else "")

    @property
    def error_weight(self) -> float | None:
        return dict(self.params).get("error_weight")

    @property
    def needs(self) -> frozenset[str]:
        """What its method, and the penalty that it reports, have to be given besides moments."""
        return frozenset(self.method.get("NEEDS", ())) | frozenset(self.monitor.get("NEEDS", ()))

    @property
    def keeps_product_variance(self) -> bool:
        """Whether its rows' product covariances are kept: asked for, or the law of its splits."""
        return "product_variance" in self.needs or self.splits == GAUSSIAN

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where it trains: the training set, changed as a method asks that no one could train."""
        changes = self.method.get("TRAINS_IN", {})
        return tuple(environment.changed(changes) for environment in self.train)

    @property
    def train_label(self) -> str:
        """Its training set, as the tables write it."""
        return set_label(self.train)

    def datasets(self) -> tuple[Dataset, ...]:
        """The rows that it trains on."""
        return tuple(
            Dataset(self.model, self.n_samples, TRAIN, environment, self.sampling)
            for environment in self.environments
        )

    def without(self, environment: Environment) -> "Cell":
        """The same training without one of its environments."""
        return replace(self, train=tuple(e for e in self.train if e != environment))


@dataclass
class Use:
    """What the studies together ask of a dataset or cell."""

    seeds: set[int] = field(default_factory=set)
    wanted: bool = False  # product covariances of a dataset, trajectories of a cell


def cells_of(study: Study) -> Iterator[Cell]:
    """The cells of a study, each once, in the order of its table."""
    for model in study.models:
        for n_samples in study.n_samples:
            for train in study.train_sets:
                for method in study.methods:
                    if n_samples <= method.max_n_samples:
                        # rates that stability caps alike give one cell
                        yield from dict.fromkeys(cells_at(study, model, n_samples, train, method))


def first_cells(study: Study, *varying: str) -> list[Cell]:
    """The cells of a study's first setting: one a method, or one for each value of what varies.

    What varies is named as in the tables (``n_samples``, a parameter of methods …), or ``train``.
    """
    firsts: dict[tuple[Any, ...], Cell] = {}
    for cell in cells_of(study):
        named = setting_names(cell) | {"train": cell.train}
        firsts.setdefault((cell.key, *(named.get(name) for name in varying)), cell)
    return list(firsts.values())


def cells_at(
    study: Study,
    model: Model,
    n_samples: int,
    train: tuple[Environment, ...],
    method: Method,
) -> Iterator[Cell]:
    """The cells of a method on some rows: every choice of its parameters, rates and starts."""
    is_stepped = method.is_stepped
    starts = study.starts if is_stepped else ("",)
    for params, rate, optimiser in _tunings(study, method):
        for start in starts:
            weight = dict(params).get("error_weight")
            yield Cell(
                model=model,
                loss=study.loss,
                n_samples=n_samples,
                train=train,
                method=method.plugin,
                penalty=method.penalty_plugin,
                monitor=method.monitor,
                params=params,
                learning_rate=_learning_rate(study, model, train, method.plugin, weight, rate),
                optimiser=optimiser,
                start=start,
                steps=study.steps if is_stepped else 0,
                sampling=study.sampling,
                splits=study.splits if "splits" in method.needs else "",
                precision=study.precision if is_stepped else None,
            )


# A method's parameters, its learning rate and its optimiser; without the latter two, no steps.
Tuning = tuple[tuple[tuple[str, float], ...], float | None, Optimiser | None]


def _tunings(study: Study, method: Method) -> Iterator[Tuning]:
    """Every choice of what is tuned: all of the grids, with each of the candidates laid over."""
    rates: tuple[float | None, ...] = (None,)
    optimisers: tuple[Optimiser | None, ...] = (None,)
    if method.is_stepped:
        rates, optimisers = study.learning_rate.values, study.optimisers_of(method)
    for candidate in method.tuned or ((),):
        told = dict(candidate)
        for params in _choices(method):
            for rate, optimiser in itertools.product(rates, optimisers):
                if optimiser is not None:
                    rate = told.get("learning_rate", rate)
                    optimiser = replace(optimiser, params=_laid_over(optimiser.params, told))
                yield _laid_over(params, told), rate, optimiser


def _laid_over(
    params: tuple[tuple[str, float], ...], told: dict[str, float]
) -> tuple[tuple[str, float], ...]:
    return tuple((name, told.get(name, value)) for name, value in params)


def _choices(method: Method) -> Iterator[tuple[tuple[str, float], ...]]:
    """Every choice of a value for each of a method's parameters."""
    names = [name for name, _ in method.grid]
    for values in itertools.product(*(values for _, values in method.grid)):
        yield tuple(zip(names, values, strict=True))


@cache
def _learning_rate(
    study: Study,
    model: Model,
    train: tuple[Environment, ...],
    method: Plugin,
    weight: float | None,
    rate: float | None,
) -> float | None:
    """The study's rule: fixed, or capped below the stability limit 2/λ at the start."""
    rule = study.learning_rate
    if rate is None or rule.rule == "fixed":
        return rate
    limit = 2 / curvature(method, population(model, train), weight)
    return min(rate, float(f"{rule.safety * limit:.3g}"))


def curvature(method: Plugin, moments: Moments, error_weight: float | None) -> float:
    """Largest eigenvalue of the Hessian of a method's objective at φ = (1, …, 1).

    The method names the Hessian, so that planning loads no method, and with it torch.
    """
    hessian = resolve_name(method.metadata["HESSIAN"])
    values, _ = small.eigen(hessian(np.ones(moments.n_features), moments, error_weight or 0.0))
    return float(values.max())


def population(model: Model, environments: tuple[Environment, ...] | list[Environment]) -> Moments:
    """Exact moments (E, …) of environments of a SEM that is the same for every seed.

    Raises:
        ValueError: the SEM does not know them.
    """
    moments = model.populations([environment.mapping for environment in environments])
    if moments is None or not model.is_fixed:
        raise ValueError(f"{model.sem.name} has no population that is the same for every seed")
    return moments


def cells(config: Config) -> dict[Cell, Use]:
    """Every cell of the config once, with its seeds and whether trajectories are wanted."""
    uses: dict[Cell, Use] = {}
    for study in config.studies:
        for cell in cells_of(study):
            use = uses.setdefault(cell, Use())
            use.seeds.update(study.seeds)
            use.wanted |= study.trajectories
    for study in config.studies:
        for selection in study.selection:
            if selection.plugin.get("DATA") == "left_out":
                for cell in left_out_cells(study):
                    uses.setdefault(cell, Use()).seeds.update(study.seeds)
    return uses


def left_out_cells(study: Study) -> Iterator[Cell]:
    """The trainings that leave one of a cell's environments out, to choose by it."""
    for cell in cells_of(study):
        if len(cell.train) > 1:
            for environment in cell.train:
                yield cell.without(environment)


def datasets(config: Config) -> dict[Dataset, Use]:
    """Every dataset once, with its seeds and whether product covariances are wanted."""
    uses: dict[Dataset, Use] = {}
    for study in config.studies:
        for model in study.models:
            for dataset in test_datasets(study, model):
                uses.setdefault(dataset, Use()).seeds.update(study.seeds)
    for cell, use in cells(config).items():
        for dataset in cell.datasets():
            whole = uses.setdefault(dataset, Use())
            whole.seeds |= use.seeds
            whole.wanted |= cell.keeps_product_variance
    for study in config.studies:
        for dataset in _validation_datasets(study):
            uses.setdefault(dataset, Use()).seeds.update(study.seeds)
    return uses


def test_datasets(study: Study, model: Model) -> tuple[Dataset, ...]:
    """The rows that the models of a structure are tested on."""
    return tuple(
        Dataset(model, study.n_test_samples, TEST, environment, study.sampling)
        for environment in study.test_environments
    )


def validation_dataset(study: Study, model: Model, environment: Environment) -> Dataset:
    """Fresh rows of an environment, to choose by."""
    return Dataset(model, study.n_validation_samples, VALIDATION, environment, study.sampling)


def validation_of(study: Study, selection: Selection, cell: Cell) -> tuple[Dataset, ...]:
    """The rows that a rule chooses by, but for those that a left-out environment brings."""
    match selection.plugin.get("DATA"):
        case "test":
            return test_datasets(study, cell.model)
        case "held_out":
            environments = selection.environments
        case _:
            environments = cell.environments
    return tuple(validation_dataset(study, cell.model, e) for e in environments)


def _validation_datasets(study: Study) -> Iterator[Dataset]:
    for selection in study.selection:
        for cell in cells_of(study):
            yield from validation_of(study, selection, cell)


def groups(config: Config) -> dict[str, list[Cell]]:
    """The training jobs of a shard by name, and the cells of each.

    One a method and penalty, but those that together take a few seconds share one: to start a
    process takes as long.
    """
    seeds = set(shard_seeds(config, 0))  # never other ones, however many more are looked at
    by_model: dict[str, list[Cell]] = defaultdict(list)
    products: dict[str, int] = defaultdict(int)
    for cell, use in cells(config).items():
        by_model[str(cell.key)].append(cell)
        products[str(cell.key)] += len(use.seeds & seeds) * _products(cell)
    jobs: dict[str, list[Cell]] = defaultdict(list)
    total = 0
    for name in sorted(by_model, key=lambda name: (products[name], name)):
        total += products[name]
        jobs[QUICK if total <= QUICK_PRODUCTS else name] += by_model[name]
    return dict(sorted(jobs.items()))


def _products(cell: Cell) -> int:
    """Products that a training takes, about: none where φ is known without steps."""
    functions = cell.method.get("FUNCTIONS", ())
    if cell.optimiser is None:
        return 0
    if cell.optimiser.plugin.name == "gd" and "closed_form" in functions:
        return 0
    goes_through_rows = "splits" in cell.needs or cell.loss.get("NEEDS") == "rows"
    if goes_through_rows or "kernel" not in functions:  # then each step is many calls of torch
        return QUICK_PRODUCTS + 1
    return cell.steps * len(cell.train) * cell.model.n_features**2


def shard_seeds(config: Config, shard: int) -> tuple[int, ...]:
    """The seeds of a shard, consecutive ones; those that one look added differ by one at most."""
    for seeds in config.added_seeds:
        n_parts = min(config.shards, len(seeds))
        if shard < n_parts:
            part = np.array_split(np.asarray(seeds), n_parts)[shard]
            return tuple(int(seed) for seed in part)
        shard -= n_parts
    raise IndexError(f"there is no shard with {shard} more before it")


def shard_hash(config: Config, shard: int) -> str:
    """Hash of all that a shard's files depend on: which study has which of its seeds, too."""
    mine = set(shard_seeds(config, shard))
    seeds = {study.name: sorted(mine & set(study.seeds)) for study in config.studies}
    text = json.dumps([config.stage_hash, seeds])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def n_shards(config: Config) -> int:
    """No more shards than seeds, of those that each look added."""
    return sum(min(config.shards, len(seeds)) for seeds in config.added_seeds)


def setting_names(cell: Cell) -> dict[str, Any]:
    """What tells a cell from others in a table, by name of the columns; ``layout`` says which."""
    named: dict[str, Any] = {"sem": cell.model.sem.name, **cell.model.option}
    named |= {"n_samples": cell.n_samples, "loss": cell.loss.name, "start": cell.start}
    named |= {"method": cell.key.method, "penalty": cell.key.penalty, **dict(cell.params)}
    if cell.optimiser is not None:
        named |= {"optimiser": cell.optimiser.plugin.name, **dict(cell.optimiser.params)}
    named["learning_rate"] = cell.learning_rate
    named["steps"] = cell.steps
    return named
