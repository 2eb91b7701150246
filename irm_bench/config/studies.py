"""A study of the config, typed: its structures, environments, methods and all that is a grid."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from irm_bench.config import hyperparameters, plugin_checks, study_checks
from irm_bench.config.model import (
    DOUBLE,
    DRAWN,
    ConfigError,
    Environment,
    LearningRate,
    Method,
    Optimiser,
    Selection,
    Study,
    UntilDecided,
    Value,
)
from irm_bench.plugins.model import Model, check_targets, model_of, probe
from irm_bench.plugins.registry import Book, Plugin

# Keys of a method in the config that are not parameters of its own.
METHOD_KEYS = (
    "name",
    "penalty",
    "monitor",
    "max_n_samples",
    "optimiser",
    "hyperparameters",
    "candidates",
)
# Seeds that are there at the first look, unless the config says otherwise.
FIRST_SEEDS = 20
STARTS = ("ones", "zeros", "oracle", "erm", "random", "linear")


def parse_study(
    book: Book, where: str, raw: Mapping[str, Any], root_seed: int, look: int = 1
) -> Study:
    """Type a study whose defaults are filled in; ``where`` is its place in the config.

    ``root_seed`` is that of the hyper-parameters that are drawn; ``look`` says how many of its
    seeds there are, where they are added.

    Raises:
        ConfigError: for the first thing wrong with it.
    """
    for key in ("test_environments", "methods"):
        if key not in raw:
            raise ConfigError(f"config key {where}: key {key!r} is missing, here and in defaults")
    sem = plugin_checks.known(book, "sems", raw["sem"], f"{where}.sem")
    train_sets = _train_sets(sem, raw, where)
    added = _added(raw["seeds"], f"{where}.seeds")
    test_place = f"{where}.test_environments"
    study = Study(
        name=raw["name"],
        description=raw.get("description", ""),
        models=_models(sem, raw, where, train_sets[0][0]),
        loss=plugin_checks.known(book, "losses", raw["loss"], f"{where}.loss"),
        n_samples=tuple(sorted(_as_list(raw["n_samples"]))),
        n_test_samples=raw["n_test_samples"],
        n_validation_samples=raw["n_validation_samples"],
        train_sets=train_sets,
        test_environments=_environments(sem, raw["test_environments"], test_place),
        methods=_methods(book, raw, where, root_seed),
        error_weights=tuple(float(weight) for weight in raw["error_weights"]),
        steps=raw["steps"],
        learning_rate=_learning_rate(raw["learning_rate"]),
        optimisers=_optimisers(book, raw["optimiser"], f"{where}.optimiser"),
        starts=tuple(_as_list(raw["start"])),
        selection=_selections(book, sem, raw["selection"], f"{where}.selection"),
        seeds=_seeds(added.count(look) if added else raw["seeds"]),
        sampling=raw["sampling"],
        splits=raw.get("splits", DRAWN),
        precision=raw.get("precision", DOUBLE),
        trajectories=raw["trajectories"],
        keep=raw.get("keep", "all"),
        added=added,
    )
    study_checks.consistent(book, study, where)
    if study.loss.get("TARGETS"):
        for model in study.models:
            _, y = probe(model, train_sets[0][0].mapping)
            check_targets(model, y, study.loss)
    return study


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _seeds(value: int | list[int]) -> tuple[int, ...]:
    return tuple(range(value)) if isinstance(value, int) else tuple(sorted(value))


def _added(raw: Any, where: str) -> UntilDecided | None:
    """How seeds are added until all is decided; None where they are fixed."""
    if not isinstance(raw, Mapping):
        return None
    first = raw.get("first", FIRST_SEEDS)
    if raw["at_most"] < first:
        raise ConfigError(
            f"config key {where}.at_most: {raw['at_most']}; allowed is at least first, {first}"
        )
    return UntilDecided(first, raw["at_most"])


def _learning_rate(raw: Mapping[str, Any]) -> LearningRate:
    values = tuple(float(value) for value in _as_list(raw["value"]))
    return LearningRate(raw["rule"], values, raw.get("safety", 1.0))


def _grid(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every choice of one value for each name, the last name varying fastest."""
    lists = [_as_list(value) for value in values.values()]
    for chosen in itertools.product(*lists):
        yield dict(zip(values, chosen, strict=True))


def _models(
    sem: Plugin, raw: Mapping[str, Any], where: str, environment: Environment
) -> tuple[Model, ...]:
    """The SEM at every structure of the grid of its options."""
    known = sem.get("OPTIONS", {})
    for name in raw["options"]:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise ConfigError(
                f"config key {where}.options.{name}: {sem.name} has no such option; "
                f"allowed are {allowed}"
            )
    options: dict[str, list[Any]] = {}
    for name, default in known.items():
        values = _as_list(raw["options"].get(name, default))
        for one in values:
            plugin_checks.allowed_option(sem, name, one, f"{where}.options.{name}")
        # of a number that is no count, 1 and 1.0 are one value
        options[name] = [float(one) if isinstance(default, float) else one for one in values]
    intercept = bool(raw["intercept"])
    return tuple(model_of(sem, chosen, intercept, environment.mapping) for chosen in _grid(options))


def environment_of(sem: Plugin, given: Mapping[str, Value], where: str) -> Environment:
    """An environment of a SEM, what is not given being the SEM's own."""
    parameters: dict[str, Value | None] = sem.get("PARAMETERS", {})
    for name, value in given.items():
        if name not in parameters:
            known = ", ".join(parameters) or "none"
            raise ConfigError(
                f"config key {where}: unknown parameter {name!r}; {sem.name} has {known}"
            )
        plugin_checks.allowed_value(sem, name, value, where)
    missing = [n for n, default in parameters.items() if default is None and n not in given]
    if missing:
        raise ConfigError(f"config key {where}: parameter {missing[0]!r} of {sem.name} is missing")
    pairs = []
    defaults = []
    for name, default in parameters.items():
        pairs.append((name, _plain(given.get(name, 0.0 if default is None else default))))
        if default is not None:
            defaults.append((name, _plain(default)))
    return Environment(tuple(pairs), tuple(defaults))


def _plain(value: Any) -> Value:
    return value if isinstance(value, str) else float(value)


def _train_sets(
    sem: Plugin, raw: Mapping[str, Any], where: str
) -> tuple[tuple[Environment, ...], ...]:
    """Each training set once, its environments sorted by their parameters.

    A bare number or text stands for the parameter that the SEM names first.
    """
    given = [key for key in ("train_sigmas", "train_environments") if key in raw]
    if not given:
        raise ConfigError(
            f"config key {where}: key 'train_environments' (or 'train_sigmas', for lists of σ) "
            "is missing, here and in defaults"
        )
    key = given[-1]
    first = next(iter(sem.get("PARAMETERS", {})), "")
    sets: dict[tuple[Environment, ...], None] = {}
    for i, members in enumerate(raw[key]):
        one_set = set()
        for member in members:
            mapping = member if isinstance(member, Mapping) else {first: member}
            one_set.add(environment_of(sem, mapping, f"{where}.{key}[{i}]"))
        sets[tuple(sorted(one_set, key=_rank))] = None
    return tuple(sets)


def _rank(environment: Environment) -> list[tuple[bool, Value]]:
    """What training environments are sorted by: their values, numbers before texts."""
    return [(isinstance(value, str), value) for _, value in environment.parameters]


def _environments(sem: Plugin, raw: list[Any], where: str) -> tuple[Environment, ...]:
    """Every environment of the grids, once, in the order given."""
    environments: dict[Environment, None] = {}
    for i, grid in enumerate(raw):
        for given in _grid(grid):
            environments[environment_of(sem, given, f"{where}[{i}]")] = None
    return tuple(environments)


def _methods(book: Book, raw: Mapping[str, Any], where: str, root_seed: int) -> tuple[Method, ...]:
    of_study = _optimisers(book, raw["optimiser"], f"{where}.optimiser")
    methods = []
    for i, given in enumerate(raw["methods"]):
        place = f"{where}.methods[{i}]"
        method = _method(book, given, raw["error_weights"], place)
        steppers = method.optimisers or of_study
        tuned = hyperparameters.candidates(method, steppers, given, raw["draws"], root_seed, place)
        methods.append(replace(method, tuned=tuned))
    return tuple(methods)


def _method(book: Book, raw: Mapping[str, Any], error_weights: list[float], where: str) -> Method:
    plugin = plugin_checks.known(book, "methods", raw["name"], f"{where}.name")
    takes_penalty = bool(plugin.get("TAKES_PENALTY", False))
    penalty = raw.get("penalty", "")
    if takes_penalty != bool(penalty):
        need = "needs a key 'penalty'" if takes_penalty else "trains on no penalty"
        known = ", ".join(book.names("penalties"))
        raise ConfigError(
            f"config key {where}.penalty: {penalty or None!r}; {raw['name']} {need} "
            f"(known: {known})"
        )
    monitor = raw.get("monitor", penalty or "plug_in")
    if penalty and monitor != penalty:
        raise ConfigError(
            f"config key {where}.monitor: {monitor!r}; a method that trains on a penalty reports it"
        )
    return Method(
        plugin=plugin,
        penalty_plugin=(
            plugin_checks.known(book, "penalties", penalty, f"{where}.penalty") if penalty else None
        ),
        monitor=plugin_checks.known(book, "penalties", monitor, f"{where}.monitor"),
        grid=_parameters(plugin, raw, error_weights, where),
        max_n_samples=raw.get("max_n_samples", math.inf),
        optimisers=_optimisers(book, raw.get("optimiser", []), f"{where}.optimiser"),
    )


def _parameters(
    plugin: Plugin, raw: Mapping[str, Any], error_weights: list[float], where: str
) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """The values of each of a method's parameters; the study's error weights unless it has own."""
    known: dict[str, float] = plugin.get("PARAMS", {})
    for name in raw:
        if name not in METHOD_KEYS and name not in known:
            allowed = ", ".join([*METHOD_KEYS, *known])
            raise ConfigError(
                f"config key {where}: unknown key {name!r}; {plugin.name} allows {allowed}"
            )
    parameters = []
    for name, default in known.items():
        common = error_weights if name == "error_weight" else default
        values = _as_list(raw.get(name, common))
        parameters.append((name, tuple(float(value) for value in values)))
    return tuple(parameters)


def _optimisers(book: Book, raw: Any, where: str) -> tuple[Optimiser, ...]:
    """Every optimiser, at every choice of its parameters."""
    optimisers: list[Optimiser] = []
    for one in _as_list(raw):
        given = {"name": one} if isinstance(one, str) else dict(one)
        plugin = plugin_checks.known(book, "optimisers", given.pop("name"), where)
        known: dict[str, float] = plugin.get("PARAMS", {})
        unknown = sorted(set(given) - set(known))
        if unknown:
            allowed = ", ".join(known) or "none"
            raise ConfigError(
                f"config key {where}: unknown parameter {unknown[0]!r}; {plugin.name} has {allowed}"
            )
        for chosen in _grid({name: given.get(name, known[name]) for name in known}):
            params = tuple((name, float(value)) for name, value in chosen.items())
            optimisers.append(Optimiser(plugin, params))
            if optimisers.count(optimisers[-1]) > 1:
                raise ConfigError(f"config key {where}: {one!r}; allowed is each one once")
    return tuple(optimisers)


def _selections(book: Book, sem: Plugin, raw: list[Any], where: str) -> tuple[Selection, ...]:
    selections: list[Selection] = []
    for i, one in enumerate(raw):
        given: Mapping[str, Any] = {"rule": one} if isinstance(one, str) else one
        plugin = plugin_checks.known(book, "selection", given["rule"], f"{where}[{i}].rule")
        environments = given.get("environments", [])
        place = f"{where}[{i}].environments"
        needs = bool(plugin.get("NEEDS_ENVIRONMENTS", False))
        if needs != bool(environments):
            need = "needs environments to validate on" if needs else "brings its own environments"
            raise ConfigError(f"config key {place}: {environments!r}; {plugin.name} {need}")
        if plugin in [known.plugin for known in selections]:
            raise ConfigError(
                f"config key {where}[{i}].rule: {plugin.name!r}; allowed is each rule once"
            )
        selections.append(Selection(plugin, _environments(sem, environments, place)))
    return tuple(selections)
