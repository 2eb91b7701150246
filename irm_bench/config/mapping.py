"""The map of a config, typed: its methods, those that a user brings among them, and its shifts."""

from collections.abc import Mapping, Sequence
from typing import Any

from irm_bench.config import plugin_checks
from irm_bench.config.model import (
    USUAL_PENALTY,
    ConfigError,
    Environment,
    Map,
    MapMethod,
    Study,
)
from irm_bench.config.studies import environment_of
from irm_bench.plugins.registry import Book

STARTS = 12


def parse_map(book: Book, raw: Mapping[str, Any], studies: Sequence[Study]) -> Map | None:
    """The map; None where the config asks for none.

    Raises:
        ConfigError: an unknown method, penalty or study, or plugins where there is no map.
    """
    given = raw.get("map")
    if given is None:
        if book.brought:
            raise ConfigError(
                f"config key plugins: {[str(path) for path in book.brought]}; the book "
                f"{book.name!r} has no map to put them into: allowed is a book with a key 'map'"
            )
        return None
    methods = [_method(book, one, f"map.methods[{i}]") for i, one in enumerate(given["methods"])]
    listed = {method.name for method in methods}
    brought = [path.stem for path in book.brought if path.stem not in listed]
    methods += [_method(book, name, "plugins") for name in brought]
    shifts = {
        name: _shift(studies, name, values) for name, values in given.get("shifts", {}).items()
    }
    return Map(tuple(methods), given.get("starts", STARTS), shifts)


def _method(book: Book, given: str | Mapping[str, str], where: str) -> MapMethod:
    told = {"name": given} if isinstance(given, str) else given
    plugin = plugin_checks.known(book, "methods", told["name"], where)
    if not plugin.get("TAKES_PENALTY", False):
        if "penalty" in told:
            raise ConfigError(
                f"config key {where}.penalty: {told['penalty']!r}; {plugin.name} trains on no "
                "penalty"
            )
        return MapMethod(plugin, None)
    name = told.get("penalty", USUAL_PENALTY)
    return MapMethod(plugin, plugin_checks.known(book, "penalties", name, f"{where}.penalty"))


def _shift(studies: Sequence[Study], name: str, values: Mapping[str, Any]) -> Environment:
    for study in studies:
        if study.name == name:
            return environment_of(study.model.sem, values, f"map.shifts.{name}")
    known = ", ".join(study.name for study in studies)
    raise ConfigError(f"config key map.shifts.{name}: no study has this name; allowed are {known}")
