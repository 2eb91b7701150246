"""What a config says, typed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ConfigError(ValueError):
    """A config that cannot be run: says which key, which value, and what is allowed."""


@dataclass(frozen=True, order=True)
class Environment:
    """Parameters of one environment of a SEM, in the order in which the SEM declares them."""

    parameters: tuple[tuple[str, float], ...]

    def __getitem__(self, name: str) -> float:
        return self.mapping[name]

    @property
    def mapping(self) -> dict[str, float]:
        return dict(self.parameters)

    @property
    def label(self) -> str:
        """For people: the parameters that differ from 1, e.g. ``sigma=0.1``; σ always."""
        first, *rest = self.parameters
        shown = [first, *(p for p in rest if p[1] != 1.0)]
        return ", ".join(f"{name}={value:g}" for name, value in shown)


@dataclass(frozen=True)
class Method:
    """A method with the penalty that it trains on ('' for none) and the one it reports."""

    name: str
    penalty: str
    monitor: str
    max_n_samples: float

    @property
    def key(self) -> str:
        return f"{self.name}-{self.penalty}" if self.penalty else self.name


@dataclass(frozen=True)
class LearningRate:
    """A step size: ``fixed`` is ``value``; ``capped`` at most ``safety`` of the stability limit."""

    rule: str
    value: float
    safety: float


@dataclass(frozen=True)
class Study:
    """A grid of trainings: one model for each element of the product of its lists, and seed."""

    name: str
    description: str
    sem: str
    dim: int
    n_samples: tuple[int, ...]
    n_test_samples: int
    train_sets: tuple[tuple[Environment, ...], ...]
    test_environments: tuple[Environment, ...]
    methods: tuple[Method, ...]
    error_weights: tuple[float, ...]
    steps: int
    learning_rate: LearningRate
    seeds: tuple[int, ...]
    sampling: str
    trajectories: bool


@dataclass(frozen=True)
class Audit:
    """The coverage audit: replicated benchmarks for each number of seeds."""

    replicates: int
    seed_counts: tuple[int, ...]


@dataclass(frozen=True)
class Config:
    """A whole benchmark; ``resolved`` is the raw config with every default written out."""

    title: str
    root_seed: int
    shards: int
    device: str
    studies: tuple[Study, ...]
    figures: tuple[str, ...]
    claims: tuple[str, ...]
    audit: Audit
    baseline: str
    resolved: Mapping[str, Any]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that some study uses, rising."""
        return tuple(sorted({seed for study in self.studies for seed in study.seeds}))

    @property
    def results_hash(self) -> str:
        """Hash of all that a result depends on: not of titles, shards, figures, claims or audit."""
        dropped = ("title", "shards", "figures", "claims", "audit", "device")
        kept = {k: v for k, v in self.resolved.items() if k not in dropped}
        return _hash(json.dumps(kept, sort_keys=True))

    @property
    def stage_hash(self) -> str:
        """Hash of all that a shard's files depend on: the results, and how seeds are cut."""
        return _hash(f"{self.results_hash} cut in {min(self.shards, len(self.seeds))}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
