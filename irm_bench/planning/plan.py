"""What has to be computed for a config: datasets, cells and jobs, each once however often used.

A *dataset* is the rows of one environment, one of them a seed. A *cell* is all that defines a
trained model but its seed. Studies that overlap share both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pkgutil import resolve_name

import numpy as np

from irm_bench.config import Config, Environment, Method, Study
from irm_bench.plugins import registry
from irm_bench.theory.moments import Moments, stack


@dataclass(frozen=True)
class Dataset:
    """Rows of one environment; ``split`` is ``train`` or ``test``, separate random streams."""

    sem: str
    dim: int
    n_samples: int
    split: str
    environment: Environment
    sampling: str = "rows"

    @property
    def axes(self) -> dict[str, object]:
        """The names that key its random stream; what is drawn from it is the stream's role."""
        others = ("environment", "sampling")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in others} | {
            f"environment_{name}": value for name, value in self.environment.parameters
        }


@dataclass(frozen=True)
class Cell:
    """All that defines a trained model but its seed; None where a key means nothing to a method."""

    sem: str
    dim: int
    n_samples: int
    train: tuple[Environment, ...]
    method: str
    penalty: str
    monitor: str
    error_weight: float | None
    learning_rate: float | None
    steps: int
    sampling: str

    @property
    def group(self) -> str:
        return group_of(self.method, self.penalty)

    @property
    def train_sigmas(self) -> str:
        return ";".join(str(environment["sigma"]) for environment in self.train)

    def datasets(self) -> tuple[Dataset, ...]:
        where = (self.sem, self.dim, self.n_samples, "train")
        return tuple(Dataset(*where, environment, self.sampling) for environment in self.train)


@dataclass
class Use:
    """What the studies together ask of a dataset or cell."""

    seeds: set[int] = field(default_factory=set)
    wanted: bool = False  # product covariances of a dataset, trajectories of a cell


def cells_of(study: Study) -> Iterator[Cell]:
    """The cells of a study, in the order of its table."""
    for n_samples in study.n_samples:
        for train in study.train_sets:
            for method in study.methods:
                if n_samples <= method.max_n_samples:
                    yield from _cells(study, n_samples, train, method)


def _cells(
    study: Study, n_samples: int, train: tuple[Environment, ...], method: Method
) -> Iterator[Cell]:
    metadata = registry.metadata("methods", method.name)
    trained = not metadata["IS_CONTROL"]
    for weight in study.error_weights if method.penalty else (None,):
        rate = _learning_rate(study, train, method.name, weight) if trained else None
        yield Cell(
            sem=study.sem,
            dim=study.dim,
            n_samples=n_samples,
            train=train,
            method=method.name,
            penalty=method.penalty,
            monitor=method.monitor,
            error_weight=weight,
            learning_rate=rate,
            steps=study.steps if trained else 0,
            sampling=study.sampling,
        )


@cache
def _learning_rate(
    study: Study, train: tuple[Environment, ...], method: str, weight: float | None
) -> float:
    """The study's rule: fixed, or capped below the stability limit 2/λ at the start."""
    rule = study.learning_rate
    if rule.rule == "fixed":
        return rule.value
    limit = 2 / curvature(method, population(study.sem, study.dim, train), weight)
    return min(rule.value, float(f"{rule.safety * limit:.3g}"))


def curvature(method: str, moments: Moments, error_weight: float | None) -> float:
    """Largest eigenvalue of the Hessian of a method's objective at the start φ = (1, …, 1).

    The method names the Hessian, so that planning loads no method, and with it torch.
    """
    hessian = resolve_name(registry.metadata("methods", method)["HESSIAN"])
    values = np.linalg.eigvalsh(hessian(np.ones(moments.n_features), moments, error_weight or 0.0))
    return float(values.max())


def population(sem: str, dim: int, environments: Sequence[Environment]) -> Moments:
    """Exact moments of environments, stacked (E, …)."""
    module = registry.load("sems", sem)
    return stack([module.population(dim, e.mapping) for e in environments])


def cells(config: Config) -> dict[Cell, Use]:
    """Every cell of the config once, with its seeds and whether trajectories are wanted."""
    found: dict[Cell, Use] = {}
    for study in config.studies:
        for cell in cells_of(study):
            use = found.setdefault(cell, Use())
            use.seeds.update(study.seeds)
            use.wanted |= study.trajectories
    return found


def datasets(config: Config) -> dict[Dataset, Use]:
    """Every dataset once, with its seeds and whether product covariances are wanted."""
    found: dict[Dataset, Use] = {}
    for study in config.studies:
        for dataset in test_datasets(study):
            found.setdefault(dataset, Use()).seeds.update(study.seeds)
    for cell, use in cells(config).items():
        needs = registry.metadata("penalties", cell.monitor)["NEEDS"]
        for dataset in cell.datasets():
            whole = found.setdefault(dataset, Use())
            whole.seeds |= use.seeds
            whole.wanted |= "product_variance" in needs
    return found


def test_datasets(study: Study) -> tuple[Dataset, ...]:
    where = (study.sem, study.dim, study.n_test_samples, "test")
    return tuple(Dataset(*where, e, study.sampling) for e in study.test_environments)


def group_of(method: str, penalty: str) -> str:
    """The training job of a model: one a method and penalty, and one for all without a penalty,
    which train in closed form or not at all, faster than a process starts."""
    return f"{method}-{penalty}" if penalty else "no_penalty"


def groups(config: Config) -> list[str]:
    """Names of the training jobs of a shard."""
    return sorted({group_of(m.name, m.penalty) for study in config.studies for m in study.methods})


def shard_seeds(config: Config, shard: int) -> tuple[int, ...]:
    """The seeds of a shard, consecutive ones; shards differ by one seed at most."""
    parts = np.array_split(np.asarray(config.seeds), n_shards(config))
    return tuple(int(seed) for seed in parts[shard])


def n_shards(config: Config) -> int:
    """No more shards than seeds."""
    return min(config.shards, len(config.seeds))
