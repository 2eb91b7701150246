"""How large a benchmark a config asks for, counted from its lists before any grid is walked."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from irm_bench.config.model import ConfigError

# What is allowed unless the config's ``limits`` say otherwise. Every model of a seed and every
# environment is held while the workflow is planned; 10⁸ rows are about 10 GB of tables.
GRID = 100_000
ROWS = 100_000_000
# Keys of a study whose lists are a grid by themselves.
GRIDS = ("n_samples", "train_sigmas", "train_environments", "start")
# What a method's cells are not multiplied by: lists of a method are its parameters.
WORDS = ("name", "penalty", "monitor", "optimiser", "hyperparameters")


def check(studies: Sequence[Mapping[str, Any]], limits: Mapping[str, int]) -> None:
    """Refuse studies, with their defaults filled in, that ask for more than is allowed.

    Raises:
        ConfigError: names the key, the count, and what is allowed.
    """
    rows = 0
    for i, study in enumerate(studies):
        n_models, n_environments = _check_grids(study, f"studies[{i}]", limits.get("grid", GRID))
        rows += _n_seeds(study["seeds"]) * n_models * n_environments
    _refuse("studies", rows, "rows of results", "rows", limits.get("rows", ROWS))


def _check_grids(study: Mapping[str, Any], where: str, most: int) -> tuple[int, int]:
    """Models of a seed, and environments that each is looked at in."""
    n_tests = _environments(study.get("test_environments", []))
    _refuse(f"{where}.test_environments", n_tests, "environments", "grid", most)
    for i, rule in enumerate(study["selection"]):
        held_out = rule.get("environments", []) if isinstance(rule, Mapping) else []
        place = f"{where}.selection[{i}].environments"
        _refuse(place, _environments(held_out), "environments", "grid", most)
    n_models = _models(study)
    _refuse(where, n_models, "models of a seed", "grid", most)
    sets = study.get("train_environments", study.get("train_sigmas", []))
    return n_models, n_tests + max(map(len, sets), default=0)


def _refuse(where: str, count: int, what: str, limit: str, most: int) -> None:
    if count > most:
        raise ConfigError(
            f"config key {where}: {count:,} {what}; allowed are {most:,} "
            f"(limits: {{{limit}: …}} raises it)"
        )


def _models(study: Mapping[str, Any]) -> int:
    """Structures × n × training sets × methods × rates × optimisers × starts, and their choices."""
    count = _product(study["options"].values())
    count *= _product(study[key] for key in GRIDS if key in study)
    count *= _length(study["learning_rate"]["value"])
    count *= sum(_of_method(method, study) for method in study.get("methods", []))
    return count * (1 + len(study["selection"]))


def _of_method(method: Mapping[str, Any], study: Mapping[str, Any]) -> int:
    """At most so many: not every method has an error weight."""
    own = {name: values for name, values in method.items() if name not in WORDS}
    count = _product(({"error_weight": study["error_weights"]} | own).values())
    count *= sum(_grid(one) for one in _as_list(method.get("optimiser", study["optimiser"])))
    return count * study["draws"] if "hyperparameters" in method else count


def _environments(grids: Iterable[Mapping[str, Any]]) -> int:
    return sum(_grid(grid) for grid in grids)


def _grid(one: Any) -> int:
    return _product(one.values()) if isinstance(one, Mapping) else 1


def _product(lists: Iterable[Any]) -> int:
    return math.prod(_length(values) for values in lists)


def _length(value: Any) -> int:
    """How many values a list has; a value alone is one."""
    return len(value) if isinstance(value, list) else 1


def _n_seeds(value: Any) -> int:
    """How many seeds there are; where they are added, at most."""
    if isinstance(value, Mapping):
        return int(value["at_most"])
    return len(value) if isinstance(value, list) else int(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
