"""Typed view of the config: validated against the schema, names checked against the registry.

Everything wrong with a config is one ``ConfigError`` that names key, value and what is allowed,
raised before any work starts.
"""

import hashlib
import itertools
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from irm_bench import registry

if TYPE_CHECKING:
    from jsonschema import ValidationError

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.yaml"

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

# Products of rows that a model may hold to split them into halves: 134 MB.
MAX_SPLIT_PRODUCTS = 2**25
# Numbers between the stages of a shard, about: 134 MB. More seeds make more shards.
MAX_SHARD_NUMBERS = 2**24


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


@cache
def _schema() -> dict[str, Any]:
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def parse(raw: Mapping[str, Any], checked: bool = False) -> Config:
    """Validate a raw config (nested dicts and lists, as YAML gives them) and type it.

    A job's config is ``checked`` already, by the workflow, against the schema.

    Raises:
        ConfigError: for the first thing wrong with it.
    """
    # plain dicts, lists and texts, whatever loader made them
    raw = json.loads(json.dumps(raw, default=str))
    if not checked:
        _check_finite(raw, ())
        _check_schema(raw)
    defaults = {**DEFAULTS, **raw.get("defaults", {})}
    studies = [_study(i, {**defaults, **study}) for i, study in enumerate(raw["studies"])]
    _check_unique([study.name for study in studies])
    for kind in ("figures", "claims"):
        for i, name in enumerate(raw.get(kind, [])):
            _known(kind, name, f"{kind}[{i}]")
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
        raise ConfigError(f"{path} holds {_short(raw)}; allowed is a mapping of config keys")
    return raw


def _check_finite(value: Any, path: tuple[Any, ...]) -> None:
    """Schemas let NaN pass every bound, so it is looked for first."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{_path(path)}value {value} is not allowed; allowed is a finite number")
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            _check_finite(part, (*path, key))


def _check_schema(raw: Mapping[str, Any]) -> None:
    import jsonschema  # takes as long to load as the rest of this module

    errors = list(jsonschema.Draft202012Validator(_schema()).iter_errors(raw))
    if errors:
        raise ConfigError(_explain(min(errors, key=lambda e: (len(e.absolute_path), str(e.path)))))


def _explain(error: "ValidationError") -> str:
    """One line for one schema error: key, value, allowed."""
    where = _path(error.absolute_path)
    schema: dict[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    instance: Any = error.instance
    value: Any = error.validator_value
    match error.validator:
        case "additionalProperties":
            allowed = sorted(schema.get("properties", {}))
            unknown = sorted(set(instance) - set(allowed))
            return f"{where}unknown key {unknown[0]!r}; allowed are {', '.join(allowed)}"
        case "required":
            missing = [key for key in value if key not in instance]
            return f"{where}key {missing[0]!r} is missing; required are {value}"
        case "oneOf" | "anyOf":
            allowed_forms = " or ".join(_allowed(_deref(form)) for form in value)
        case _:
            allowed_forms = _allowed(_deref(schema))
    hint = ""
    if isinstance(instance, str) and _is_number(instance):
        hint = " (YAML reads this as text: write the exponent with a dot, e.g. 1.0e-5)"
    return f"{where}value {_short(instance)} is not allowed; allowed is {allowed_forms}{hint}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _path(parts: Any) -> str:
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
    return f"config key {text}: " if text else "config: "


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _deref(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return _schema()["$defs"][reference.rsplit("/", 1)[1]] if reference else schema


_WORDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "greater than {}",
    "maximum": "at most {}",
    "minItems": "with at least {} element(s)",
    "minProperties": "with at least {} key(s)",
    "minLength": "of at least {} character(s)",
    "maxLength": "of at most {} characters",
    "pattern": "matching {}",
}


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "oneOf" in schema:
        return " or ".join(_allowed(_deref(form)) for form in schema["oneOf"])
    words = [schema.get("type", "a value")]
    words += [text.format(schema[key]) for key, text in _WORDS.items() if key in schema]
    if schema.get("uniqueItems"):
        words.append("without repetition")
    if isinstance(schema.get("items"), dict):
        words.append(f"of ({_allowed(_deref(schema['items']))})")
    return " ".join(words)


def _known(kind: str, name: str, where: str) -> None:
    try:
        registry.path(kind, name)
    except registry.UnknownPluginError as error:
        raise ConfigError(f"config key {where}: {error}") from None


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


def _check_unique(study_names: list[str]) -> None:
    for i, name in enumerate(study_names):
        if name in study_names[:i]:
            raise ConfigError(
                f"config key studies[{i}].name: {name!r} is the name of studies"
                f"[{study_names.index(name)}] already; allowed are names that differ"
            )


def _audit(raw: Mapping[str, Any]) -> Audit:
    found = {**AUDIT_DEFAULTS, **raw}
    return Audit(found["replicates"], tuple(sorted(found["seed_counts"])))


def _study(index: int, raw: dict[str, Any]) -> Study:
    where = f"studies[{index}]"
    for key in ("train_sigmas", "test_environments", "methods"):
        if key not in raw:
            raise ConfigError(f"config key {where}: key {key!r} is missing, here and in defaults")
    _known("sems", raw["sem"], f"{where}.sem")
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
    _check_study(study, where)
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
    _known("methods", raw["name"], f"{where}.name")
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
            _known("penalties", name, f"{where}.{key}")
    if penalty and monitor != penalty:
        raise ConfigError(
            f"config key {where}.monitor: {monitor!r}; a method that trains on a penalty reports it"
        )
    return Method(raw["name"], penalty, monitor, raw.get("max_n_samples", math.inf))


def _check_study(study: Study, where: str) -> None:
    keys = [method.key for method in study.methods]
    if len(set(keys)) < len(keys):
        raise ConfigError(f"config key {where}.methods: {keys}; allowed is each one once")
    for method in study.methods:
        metadata = registry.metadata("methods", method.name)
        least = metadata.get("MIN_ENVIRONMENTS", 1)
        for sigmas in study.train_sets:
            if len(sigmas) < least:
                raise ConfigError(
                    f"config key {where}.train_sigmas: {[e['sigma'] for e in sigmas]} is a single "
                    f"training environment; {method.name} needs at least {least}"
                )
        if "splits" in registry.metadata("penalties", method.monitor)["NEEDS"]:
            _check_splits(study, method, where)
    if study.sampling == "moments":
        _check_moments(study, where)


def _check_splits(study: Study, method: Method, where: str) -> None:
    """A study whose rows are to be split into halves, and held for it."""
    d = registry.load("sems", study.sem).n_features(study.dim)
    n_products = max(map(len, study.train_sets)) * (d * (d + 1) // 2 + d)
    for n in study.n_samples:
        if n > method.max_n_samples:
            continue
        if n % 2:
            raise ConfigError(
                f"config key {where}.n_samples: {n}; {method.monitor} splits the rows into "
                "equal halves: allowed is an even number"
            )
        if n * n_products > MAX_SPLIT_PRODUCTS:
            raise ConfigError(
                f"config key {where}.n_samples: {n}; {method.monitor} holds {n_products} numbers a "
                f"row: allowed is at most {MAX_SPLIT_PRODUCTS // n_products} here (u_statistic is "
                "its mean over all splits, for any n; max_n_samples skips a method)"
            )


def _check_moments(study: Study, where: str) -> None:
    """A study that draws moments in place of rows."""
    sem = registry.load("sems", study.sem)
    if not hasattr(sem, "sample_moments"):
        raise ConfigError(
            f"config key {where}.sampling: 'moments'; {study.sem} has no sample_moments: "
            "allowed is 'rows'"
        )
    for method in study.methods:
        needs = registry.metadata("penalties", method.monitor)["NEEDS"]
        if needs:
            enough = [
                name
                for name in registry.names("penalties")
                if not registry.metadata("penalties", name)["NEEDS"]
            ]
            raise ConfigError(
                f"config key {where}.sampling: 'moments'; {method.monitor} of method {method.name} "
                f"needs rows ({', '.join(needs)}): allowed is 'rows', or of the penalties "
                f"{', '.join(enough)}"
            )
    least = sem.n_features(study.dim) + 2
    for key, n in (("n_samples", min(study.n_samples)), ("n_test_samples", study.n_test_samples)):
        if n < least:
            raise ConfigError(
                f"config key {where}.{key}: {n}; sampling 'moments' allows {least} or more"
            )


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


def main(paths: list[str]) -> int:
    """Check config files, later ones overlaid on earlier ones; 0 if they can be run together."""
    try:
        raw: dict[str, Any] = {}
        for path in paths:
            raw = merge(raw, read(path))
        parse(raw)
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
