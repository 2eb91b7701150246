"""From YAML to a typed config: defaults filled in, and everything wrong refused."""

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from irm_bench.config import checks, schema
from irm_bench.config.model import (
    Audit,
    Config,
    ConfigError,
    Environment,
    LearningRate,
    Method,
    Study,
)
from irm_bench.plugins import registry

DEFAULTS: dict[str, Any] = {
    "sem": "example_1",
    "dim": 2,
    "n_samples": 10_000,
    "n_test_samples": 10_000,
    "error_weights": [1e-5],
    "steps": 50_000,
    "learning_rate": {"rule": "fixed", "value": 1e-3},
    "seeds": 100,
    "sampling": "rows",
    "trajectories": False,
}

AUDIT_DEFAULTS: dict[str, Any] = {"replicates": 2000, "seed_counts": [5, 10, 30, 100]}

# Numbers between the stages of a shard, about: 134 MB. More seeds make more shards.
MAX_SHARD_NUMBERS = 2**24


def parse(raw: Mapping[str, Any], checked: bool = False) -> Config:
    """Validate a raw config (nested dicts and lists, as YAML gives them) and type it.

    A job's config is ``checked`` already, by the workflow, against the schema.

    Raises:
        ConfigError: for the first thing wrong with it.
    """
    # plain dicts, lists and texts, whatever loader made them
    raw = json.loads(json.dumps(raw, default=str))
    if not checked:
        schema.check(raw)
    defaults = {**DEFAULTS, **raw.get("defaults", {})}
    studies = [_study(i, {**defaults, **study}) for i, study in enumerate(raw["studies"])]
    checks.unique([study.name for study in studies])
    for kind in ("figures", "claims"):
        for i, name in enumerate(raw.get(kind, [])):
            checks.known(kind, name, f"{kind}[{i}]")
    return Config(
        title=raw["title"],
        root_seed=raw["root_seed"],
        shards=max(raw.get("shards", 1), _least_shards(studies)),
        device=raw.get("device", "cpu"),
        studies=tuple(studies),
        figures=tuple(raw.get("figures", [])),
        claims=tuple(raw.get("claims", [])),
        audit=_audit(raw.get("audit", {})),
        baseline=raw.get("baseline", ""),
        resolved=_resolved(raw, studies),
    )


def load(path: Path | str) -> Config:
    """Read and parse a YAML file.

    Raises:
        ConfigError: also where the file is not YAML.
    """
    return parse(read(path))


def read(path: Path | str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: if it does not.
    """
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {schema.short(raw)}; allowed is a mapping of config keys")
    return raw


def _least_shards(studies: list[Study]) -> int:
    """How many shards keep the memory of their jobs within bounds, whatever the number of seeds."""
    total = sum(len(study.seeds) * _numbers_of_a_seed(study) for study in studies)
    return -(-total // MAX_SHARD_NUMBERS)


def _numbers_of_a_seed(study: Study) -> int:
    """About how many numbers the files between the stages hold of one seed."""
    d = registry.load("sems", study.sem).n_features(study.dim)
    needs = {n for m in study.methods for n in registry.metadata("penalties", m.monitor)["NEEDS"]}
    of_dataset = d * d + 2 * d + 3
    if "product_variance" in needs:
        of_dataset += (d * (d + 1) // 2 + d) ** 2
    n_train, n_test = sum(map(len, study.train_sets)), len(study.test_environments)
    n_datasets = len(study.n_samples) * n_train + n_test
    n_cells = len(study.methods) * len(study.error_weights) * len(study.n_samples)
    # A row of a table is worth 100 numbers, texts and all.
    n_rows = n_cells * (n_train + len(study.train_sets) * (n_test + 60 * study.trajectories))
    return n_datasets * of_dataset + 100 * n_rows


def _audit(raw: Mapping[str, Any]) -> Audit:
    found = {**AUDIT_DEFAULTS, **raw}
    return Audit(found["replicates"], tuple(sorted(found["seed_counts"])))


def _study(index: int, raw: dict[str, Any]) -> Study:
    where = f"studies[{index}]"
    for key in ("train_sigmas", "test_environments", "methods"):
        if key not in raw:
            raise ConfigError(f"config key {where}: key {key!r} is missing, here and in defaults")
    checks.known("sems", raw["sem"], f"{where}.sem")
    rate = raw["learning_rate"]
    study = Study(
        name=raw["name"],
        description=raw.get("description", ""),
        sem=raw["sem"],
        dim=raw["dim"],
        n_samples=tuple(sorted(_as_list(raw["n_samples"]))),
        n_test_samples=raw["n_test_samples"],
        train_sets=_train_sets(raw, f"{where}.train_sigmas"),
        test_environments=_test_environments(raw, f"{where}.test_environments"),
        methods=tuple(
            _method(method, f"{where}.methods[{i}]") for i, method in enumerate(raw["methods"])
        ),
        error_weights=tuple(float(weight) for weight in raw["error_weights"]),
        steps=raw["steps"],
        learning_rate=LearningRate(rate["rule"], float(rate["value"]), rate.get("safety", 1.0)),
        seeds=_seeds(raw["seeds"]),
        sampling=raw["sampling"],
        trajectories=raw["trajectories"],
    )
    checks.consistent(study, where)
    return study


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _seeds(value: int | list[int]) -> tuple[int, ...]:
    return tuple(range(value)) if isinstance(value, int) else tuple(sorted(value))


def _environment(sem: str, given: Mapping[str, float], where: str) -> Environment:
    metadata = registry.metadata("sems", sem)
    parameters = metadata["PARAMETERS"]
    for name, value in given.items():
        if name not in parameters:
            raise ConfigError(
                f"config key {where}: unknown parameter {name!r}; {sem} has {', '.join(parameters)}"
            )
        if name in metadata["POSITIVE"] and value <= 0:
            raise ConfigError(f"config key {where}: {name} = {value:g}; allowed is greater than 0")
    missing = [n for n, default in parameters.items() if default is None and n not in given]
    if missing:
        raise ConfigError(f"config key {where}: parameter {missing[0]!r} of {sem} is missing")
    return Environment(
        tuple((name, float(given.get(name, parameters[name]))) for name in parameters)
    )


def _train_sets(raw: dict[str, Any], where: str) -> tuple[tuple[Environment, ...], ...]:
    """Each set once, its environments by rising σ."""
    sets = (
        tuple(_environment(raw["sem"], {"sigma": sigma}, where) for sigma in sorted(sigmas))
        for sigmas in raw["train_sigmas"]
    )
    return tuple(dict.fromkeys(sets))


def _test_environments(raw: dict[str, Any], where: str) -> tuple[Environment, ...]:
    """Every environment of the grids, once, in the order given."""
    found: dict[Environment, None] = {}
    for i, grid in enumerate(raw["test_environments"]):
        for values in itertools.product(*(_as_list(v) for v in grid.values())):
            given = dict(zip(grid, values, strict=True))
            found[_environment(raw["sem"], given, f"{where}[{i}]")] = None
    return tuple(found)


def _method(raw: dict[str, Any], where: str) -> Method:
    checks.known("methods", raw["name"], f"{where}.name")
    takes_penalty = registry.metadata("methods", raw["name"])["TAKES_PENALTY"]
    penalty = raw.get("penalty", "")
    if takes_penalty != bool(penalty):
        need = "needs a key 'penalty'" if takes_penalty else "trains on no penalty"
        known = ", ".join(registry.names("penalties"))
        raise ConfigError(
            f"config key {where}.penalty: {penalty or None!r}; "
            f"{raw['name']} {need} (known: {known})"
        )
    monitor = raw.get("monitor", penalty or "plug_in")
    for key, name in (("penalty", penalty), ("monitor", monitor)):
        if name:
            checks.known("penalties", name, f"{where}.{key}")
    if penalty and monitor != penalty:
        raise ConfigError(
            f"config key {where}.monitor: {monitor!r}; a method that trains on a penalty reports it"
        )
    return Method(raw["name"], penalty, monitor, raw.get("max_n_samples", math.inf))


def _resolved(raw: Mapping[str, Any], studies: list[Study]) -> dict[str, Any]:
    """The config with every default written out, in canonical order: what provenance stores."""
    resolved = {"shards": 1, "device": "cpu", "figures": [], "claims": [], **raw}
    resolved["audit"] = {**AUDIT_DEFAULTS, **raw.get("audit", {})}
    for key in ("defaults", "baseline"):  # written out; of one rendering of the page alone
        resolved.pop(key, None)
    defaults = {**DEFAULTS, **raw.get("defaults", {})}
    resolved["studies"] = [
        {**defaults, **study, "seeds": list(typed.seeds)}
        for study, typed in zip(raw["studies"], studies, strict=True)
    ]
    return resolved


def merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Overlay a config on another as Snakemake does: maps are merged, lists replaced."""
    result = dict(base)
    for key, value in over.items():
        both_maps = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if both_maps else value
    return result
