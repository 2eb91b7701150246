"""What a config says, typed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from irm_bench.plugins.model import Model
from irm_bench.plugins.registry import Book, Plugin

Value = float | int | str
# What a study may keep of its models: all, or those alone that a rule chose.
ALL, CHOSEN = "all", "chosen"
# How a study has the random halves of its rows: split, or by the law of what a split gives.
DRAWN, GAUSSIAN = "drawn", "gaussian"
# What updates are computed in.
DOUBLE, SINGLE = "double", "single"
Pairs = tuple[tuple[str, Any], ...]


class ConfigError(ValueError):
    """A config that cannot be run: says which key, which value, and what is allowed."""


@dataclass(frozen=True, order=True)
class Environment:
    """Parameters of one environment of a SEM, in the order in which the SEM declares them.

    ``defaults`` are those that the SEM gives them; they are left out of the label.
    """

    parameters: tuple[tuple[str, Value], ...]
    defaults: tuple[tuple[str, Value], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.mapping[name]

    @property
    def mapping(self) -> dict[str, Any]:
        return dict(self.parameters)

    @property
    def told(self) -> tuple[tuple[str, Value], ...]:
        """The parameters that are not the SEM's own."""
        return tuple(pair for pair in self.parameters if pair not in self.defaults)

    @property
    def label(self) -> str:
        """Its id, from the parameters that are not the SEM's own, e.g. ``sigma=0.1``."""
        return ", ".join(f"{name}={short(value)}" for name, value in self.told) or "default"

    def changed(self, values: Mapping[str, Value]) -> "Environment":
        """The same with other values of some parameters."""
        pairs = ((name, values.get(name, value)) for name, value in self.parameters)
        return Environment(tuple(pairs), self.defaults)

    @property
    def main(self) -> Value:
        """The value of the parameter that the SEM names first."""
        return self.parameters[0][1]


def short(value: Value) -> str:
    """A value in as few digits as tell it from all others."""
    if isinstance(value, str):
        return value
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


@dataclass(frozen=True)
class ModelKey:
    """What tells trained models apart in tables: a method, and the penalty it trains on or ''."""

    method: str
    penalty: str = ""

    def __str__(self) -> str:
        return f"{self.method}-{self.penalty}" if self.penalty else self.method


@dataclass(frozen=True)
class Method:
    """A method with the penalty that it trains on (None for none) and the one that it reports.

    ``grid`` maps each of the method's parameters to its values. ``optimisers`` are its own, if it
    does not take the study's. ``tuned`` are values that go together, of parameters of the method or
    its optimiser, or of the learning rate, a candidate each (``hyperparameters.py``); none where
    all are a grid.
    """

    plugin: Plugin
    penalty_plugin: Plugin | None
    monitor: Plugin
    grid: tuple[tuple[str, tuple[float, ...]], ...]
    max_n_samples: float
    optimisers: tuple["Optimiser", ...] = ()
    tuned: tuple[Pairs, ...] = ()

    @property
    def name(self) -> str:
        return self.plugin.name

    @property
    def penalty(self) -> str:
        return self.penalty_plugin.name if self.penalty_plugin else ""

    @property
    def key(self) -> ModelKey:
        return ModelKey(self.name, self.penalty)

    @property
    def is_control(self) -> bool:
        return bool(self.plugin.get("IS_CONTROL", False))

    @property
    def is_stepped(self) -> bool:
        """Whether it descends; what is fitted or known has neither steps nor a learning rate."""
        return "fit" not in self.plugin.get("FUNCTIONS", ())

    @property
    def needs(self) -> frozenset[str]:
        """What it, or the penalty that is reported, has to be given besides moments."""
        return frozenset(self.plugin.get("NEEDS", ())) | frozenset(self.monitor.get("NEEDS", ()))


@dataclass(frozen=True)
class LearningRate:
    """Step sizes: ``values`` if ``fixed``; ``capped``, ``safety`` times the stable one."""

    rule: str
    values: tuple[float, ...]
    safety: float

    @property
    def value(self) -> float:
        """The first of them."""
        return self.values[0]


@dataclass(frozen=True)
class Optimiser:
    """An optimiser with one value of each of its parameters."""

    plugin: Plugin
    params: Pairs = ()


@dataclass(frozen=True)
class Selection:
    """A rule that chooses among a method's cells, and the environments that are held out for it."""

    plugin: Plugin
    environments: tuple[Environment, ...] = ()

    @property
    def name(self) -> str:
        return self.plugin.name


@dataclass(frozen=True)
class UntilDecided:
    """Seeds that are added until every claim is decided: at each look twice as many as before."""

    first: int
    at_most: int

    def count(self, look: int) -> int:
        """How many seeds there are at a look; the first one is 1."""
        return min(self.at_most, self.first * 2 ** (look - 1))

    @property
    def last_look(self) -> int:
        """The look at which there are as many seeds as there may be."""
        look = 1
        while self.count(look) < self.at_most:
            look += 1
        return look


@dataclass(frozen=True)
class Study:
    """A grid of trainings: one model for each element of the product of its lists, and seed."""

    name: str
    description: str
    models: tuple[Model, ...]
    loss: Plugin
    n_samples: tuple[int, ...]
    n_test_samples: int
    n_validation_samples: int
    train_sets: tuple[tuple[Environment, ...], ...]
    test_environments: tuple[Environment, ...]
    methods: tuple[Method, ...]
    error_weights: tuple[float, ...]
    steps: int
    learning_rate: LearningRate
    optimisers: tuple[Optimiser, ...]
    starts: tuple[str, ...]
    selection: tuple[Selection, ...]
    seeds: tuple[int, ...]
    sampling: str
    splits: str
    precision: str
    trajectories: bool
    keep: str
    # Where seeds are added; ``seeds`` are then those of the config's look.
    added: UntilDecided | None = None

    def seeds_at(self, look: int) -> tuple[int, ...]:
        """Its seeds at a look, the same at all where none are added."""
        return tuple(range(self.added.count(look))) if self.added else self.seeds

    @property
    def model(self) -> Model:
        """Its first structure."""
        return self.models[0]

    def optimisers_of(self, method: Method) -> tuple[Optimiser, ...]:
        """A method's own optimisers, or else the study's."""
        return method.optimisers or self.optimisers

    @property
    def all_optimisers(self) -> tuple[Optimiser, ...]:
        """Every optimiser that some method is stepped by, once; the study's where none is."""
        stepped = [method for method in self.methods if method.is_stepped]
        found = [one for method in stepped for one in self.optimisers_of(method)]
        return tuple(dict.fromkeys(found)) or self.optimisers

    @property
    def sem(self) -> str:
        return self.model.sem.name

    @property
    def environments(self) -> list[Environment]:
        """Every environment that it names: to train on, to test on, and held out for a choice."""
        found = [environment for members in self.train_sets for environment in members]
        found += self.test_environments
        for selection in self.selection:
            found += selection.environments
        return found


@dataclass(frozen=True)
class Audit:
    """The coverage audit: replicated benchmarks for each number of seeds."""

    replicates: int
    seed_counts: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """A chapter of the page that a book brings: its template, heading, and what it needs."""

    name: str
    title: str
    study: str = ""
    table: str = ""
    # Other studies that it tells of.
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrintedModel:
    """Which of the results a model of the source is: of a study, chosen by a rule or none."""

    method: str
    penalty: str = ""
    study: str = ""
    selection: str = ""


@dataclass(frozen=True)
class Printed:
    """What the numbers that a source prints are compared with: a study, and its models by name.

    ``is_repeated`` for statistics of many runs of the source, in place of numbers of one.
    """

    study: str
    models: tuple[tuple[str, PrintedModel], ...]
    is_repeated: bool = False


@dataclass(frozen=True)
class MapMethod:
    """A method of the map, with the penalty that it takes if it takes one."""

    plugin: Plugin
    penalty: Plugin | None

    @property
    def name(self) -> str:
        """What the map calls it: a penalty that is not plug_in is named too."""
        if self.penalty is None or self.penalty.name == USUAL_PENALTY:
            return self.plugin.name
        return f"{self.plugin.name}_{self.penalty}"

    @property
    def label(self) -> str:
        """Words for the page."""
        label = str(self.plugin.get("LABEL", self.plugin.name))
        if self.penalty is None or self.penalty.name == USUAL_PENALTY:
            return label
        return f"{label}, {self.penalty.get('LABEL', self.penalty)}"


@dataclass(frozen=True)
class Map:
    """Where methods tend to on the data of every study, and where they end on samples.

    ``starts`` is how many starts each search has; ``shifts`` are, by study, an environment in which
    the mechanism of the spurious features is another one.
    """

    methods: tuple[MapMethod, ...]
    starts: int
    shifts: Mapping[str, Environment]


USUAL_PENALTY = "plug_in"
# Keys of a config that no result depends on; what the map's tables do on is ``map_hash``.
OF_THE_PAGE = (
    *("book", "title", "shards", "figures", "claims", "audit", "device", "sections", "lead"),
    *("printed", "source", "map", "plugins"),
)


@dataclass(frozen=True)
class Config:
    """A whole benchmark; ``resolved`` is the raw config with every default written out.

    ``look`` says how often the results have been looked at, this time included, where seeds are
    added until all claims are decided; 0 where no study adds any.
    """

    book: Book
    title: str
    root_seed: int
    shards: int
    device: str
    studies: tuple[Study, ...]
    figures: tuple[Plugin, ...]
    claims: tuple[Plugin, ...]
    sections: tuple[Section, ...]
    lead: tuple[str, ...]
    source: Mapping[str, Any]
    printed: Printed | None
    map: Map | None
    audit: Audit
    has_averages: bool
    baseline: str
    resolved: Mapping[str, Any]
    look: int = 0

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that some study uses, rising."""
        return tuple(sorted({seed for study in self.studies for seed in study.seeds}))

    @property
    def last_look(self) -> int:
        """The look at which every study has all the seeds that it may have."""
        return max((study.added.last_look for study in self.studies if study.added), default=0)

    def at_look(self, look: int) -> "Config":
        """The config at another look at its results."""
        studies = tuple(replace(study, seeds=study.seeds_at(look)) for study in self.studies)
        resolved = {**self.resolved, "look": look}
        return replace(self, studies=studies, look=look, resolved=resolved)

    @property
    def added_seeds(self) -> list[tuple[int, ...]]:
        """The seeds of all studies that each look brought; all of them where none are added."""
        found: list[tuple[int, ...]] = []
        before: set[int] = set()
        for look in range(1, max(1, self.look) + 1):
            seeds = {seed for study in self.studies for seed in study.seeds_at(look)}
            found.append(tuple(sorted(seeds - before)))
            before = seeds
        return found

    @property
    def results_hash(self) -> str:
        """Hash of all that a result depends on: not of titles, shards, figures, claims or audit."""
        return self._hash_without(OF_THE_PAGE)

    @property
    def asked_hash(self) -> str:
        """The same of any look: what was asked for, however many seeds it took so far."""
        return self._hash_without((*OF_THE_PAGE, "look"))

    def _hash_without(self, names: Sequence[str]) -> str:
        kept = {k: v for k, v in self.resolved.items() if k not in names}
        return _hash(json.dumps(kept, sort_keys=True))

    @property
    def map_hash(self) -> str:
        """Hash of all that a method's part of the map depends on: not of the other methods."""
        settings = dict(self.resolved.get("map", {}))
        settings.pop("methods", None)
        return _hash(f"{self.results_hash} map {json.dumps(settings, sort_keys=True)}")

    @property
    def stage_hash(self) -> str:
        """Hash of all that a shard's files depend on but for which seeds these are.

        Where seeds are fixed these are told by how they are cut. Those that are added make shards
        of their own, so that what there is stays when there are to be more.
        """
        if not self.look:
            return _hash(f"{self.results_hash} cut in {min(self.shards, len(self.seeds))}")
        studies = [dict(study) for study in self.resolved["studies"]]
        for raw, study in zip(studies, self.studies, strict=True):
            if study.added:
                raw["seeds"] = {"first": study.added.first}
        grown = replace(self, resolved={**self.resolved, "studies": studies})
        return _hash(f"{grown.asked_hash} cut in {self.shards}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
