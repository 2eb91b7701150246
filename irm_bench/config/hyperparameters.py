"""Hyper-parameters that vary together: what a method is tuned over, where it is no grid.

A config writes them down (``candidates``) or says how they are drawn (``hyperparameters``), each by
the name of a parameter of the method or of its optimiser, or ``learning_rate``. Of a study's
``draws`` the first has every default; the others come from random streams named by the parameter
and the number of the draw, so that more draws, or another method, change none of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from irm_bench.config.model import ConfigError, Method, Optimiser, Pairs
from irm_bench.statistics.streams import generator

LEARNING_RATE = "learning_rate"
# What is made of a number that is uniform between the two bounds.
SCALES = {
    "uniform": lambda number: number,
    "log10": lambda number: 10.0**number,
    "one_less_log10": lambda number: 1 - 10.0**number,
}


def candidates(
    method: Method,
    optimisers: Sequence[Optimiser],
    raw: Mapping[str, Any],
    n_draws: int,
    root_seed: int,
    where: str,
) -> tuple[Pairs, ...]:
    """What a method's entry in the config is tuned over, a candidate each; none where it is not.

    ``optimisers`` are those that step it.

    Raises:
        ConfigError: a name that neither the method nor its optimiser has, or what cannot be drawn.
    """
    drawn, listed = raw.get("hyperparameters", {}), raw.get("candidates", [])
    if drawn and listed:
        raise ConfigError(
            f"config key {where}: it has hyperparameters and candidates; allowed is one of them"
        )
    for key, mappings in (("hyperparameters", [drawn]), ("candidates", listed)):
        for mapping in mappings:
            _check_names(method, optimisers, mapping, f"{where}.{key}")
    found = [_plain(mapping) for mapping in listed]
    if drawn:
        for name, spec in drawn.items():
            _check_bounds(spec, f"{where}.hyperparameters.{name}")
        found = [_draw(drawn, number, root_seed) for number in range(n_draws)]
    for candidate in found:
        _check_rate(candidate, where)
    return tuple(dict.fromkeys(found))


def _check_names(
    method: Method, optimisers: Sequence[Optimiser], given: Mapping[str, Any], where: str
) -> None:
    known = list(method.plugin.get("PARAMS", {}))
    if method.is_stepped:
        known.append(LEARNING_RATE)
        for optimiser in optimisers:
            known += optimiser.plugin.get("PARAMS", {})
    for name in given:
        if name not in known:
            allowed = ", ".join(dict.fromkeys(known)) or "none"
            raise ConfigError(
                f"config key {where}: unknown parameter {name!r}; {method.name} has {allowed}"
            )


def _check_bounds(spec: Mapping[str, Any], where: str) -> None:
    """A default, and one way to draw between two bounds."""
    ways = [way for way in SCALES if way in spec]
    if len(ways) != 1:
        raise ConfigError(
            f"config key {where}: {list(spec)}; allowed is a default and one of {', '.join(SCALES)}"
        )
    low, high = spec[ways[0]]
    if not low < high:
        raise ConfigError(
            f"config key {where}.{ways[0]}: {[low, high]}; allowed is a lower and a higher number"
        )


def _check_rate(candidate: Pairs, where: str) -> None:
    rate = dict(candidate).get(LEARNING_RATE)
    if rate is not None and rate <= 0:
        raise ConfigError(
            f"config key {where}: learning_rate {rate:g} is among the candidates; allowed is "
            "greater than 0"
        )


def _plain(given: Mapping[str, float]) -> Pairs:
    return tuple((name, float(value)) for name, value in given.items())


def _draw(specs: Mapping[str, Mapping[str, Any]], number: int, root_seed: int) -> Pairs:
    """The candidate of a number: the first one has the defaults."""
    if number == 0:
        return _plain({name: spec["default"] for name, spec in specs.items()})
    return tuple((name, _drawn(name, spec, number, root_seed)) for name, spec in specs.items())


def _drawn(name: str, spec: Mapping[str, Any], number: int, root_seed: int) -> float:
    (way,) = (way for way in SCALES if way in spec)
    rng = generator(root_seed, role="hyperparameters", name=name, draw=number)
    return float(SCALES[way](rng.uniform(*spec[way])))
