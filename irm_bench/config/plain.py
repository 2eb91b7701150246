"""From YAML, or whatever a caller gives, to plain mappings with text keys, lists and scalars.

What YAML allows and a config does not is refused here, in one line: keys that stand twice or are
no texts, values that hold themselves, nesting without end, texts of several lines. A few lines of
YAML can stand for millions of values, so values are counted before anything is done with them.
"""

import datetime
import os
import re
from collections.abc import Mapping
from typing import Any

import yaml

from irm_bench.config.model import ConfigError

MAX_DEPTH = 50
# How many keys and values a config may have, unless ``limits: {entries: …}`` says otherwise.
MAX_ENTRIES = 100_000
# Integers of more digits than Python turns into text.
MAX_INTEGER = 10**4000
# Control characters, ends of lines, and halves of a character that cannot be written to a file.
ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# The same without tabs and ends of lines: a sentence may go over several lines.
ODD_IN_SENTENCE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
SENTENCES = ("description",)

Place = tuple[Any, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain types alone, by libyaml where it is there, ten times faster; no key stands twice."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a key that a mapping itself has twice; of merged ones the mapping's own wins."""
        _check_repetition(node)
        super().flatten_mapping(node)
        pairs = {(key.tag, str(key.value)): (key, value) for key, value in node.value}
        node.value = list(pairs.values())  # merges of merges would grow without end


def _check_repetition(node: yaml.MappingNode) -> None:
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        name = (key.tag, str(key.value))
        if name in seen and key.tag != "tag:yaml.org,2002:merge":
            line = key.start_mark.line + 1
            raise ConfigError(f"line {line}: key {short(key.value)} stands twice; allowed is once")
        seen.add(name)


def from_yaml(text: str) -> Any:
    """What a YAML text says.

    Raises:
        ConfigError: it is not YAML, or has what no config may have; in one line, without the file.
    """
    try:
        _check_nesting(text)
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except ConfigError:
        raise
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {_one_line(error)}") from error
    except (ValueError, OverflowError) as error:  # 5,000 digits; the 31st of February
        raise ConfigError(f"a value that cannot be read: {short(str(error))}") from error


def _check_nesting(text: str) -> None:
    """Refuse nesting that would exhaust the stack, and values that hold themselves."""
    open_anchors: list[str | None] = []
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) and event.anchor in open_anchors:
            raise ConfigError(
                f"line {line}: *{event.anchor} holds itself; allowed is a value that ends"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append(event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            open_anchors.pop()
        if len(open_anchors) > MAX_DEPTH:
            raise ConfigError(f"line {line}: {_too_deep()}")


def _too_deep() -> str:
    return f"nested more than {MAX_DEPTH} levels deep; allowed are {MAX_DEPTH}"


def _one_line(error: yaml.YAMLError) -> str:
    """What is wrong, and where."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    words = " ".join(str(problem).split())
    mark = getattr(error, "problem_mark", None)
    return f"{words} (line {mark.line + 1}, column {mark.column + 1})" if mark else words


def plain(raw: Mapping[Any, Any], counts: bool = True) -> dict[str, Any]:
    """A copy of a raw config in plain dicts and lists, whatever loader made it.

    ``counts`` is False for what was counted before.

    Raises:
        ConfigError: the first thing in it that no config may have.
    """
    if counts:
        count, most = _count(raw, {}, 0), _allowed_entries(raw)
        if count > most:
            raise ConfigError(
                f"config: {count:,} keys and values; allowed are {most:,} "
                "(limits: {entries: …} raises it)"
            )
    copy: dict[str, Any] = _copy(raw, ())
    return copy


def _allowed_entries(raw: Mapping[Any, Any]) -> int:
    limits = raw.get("limits")
    given = limits.get("entries") if isinstance(limits, Mapping) else None
    return given if type(given) is int else MAX_ENTRIES


def _count(value: Any, known: dict[int, int], depth: int) -> int:
    """How many values there are, each walked once, however many aliases stand for it.

    ``known`` has those of the lists and mappings walked so far, by identity.
    """
    if depth > MAX_DEPTH:
        raise ConfigError(f"config: {_too_deep()}")
    if not isinstance(value, Mapping | list | tuple):
        return 1
    if id(value) not in known:
        parts = value.values() if isinstance(value, Mapping) else value
        known[id(value)] = 1 + sum(_count(part, known, depth + 1) for part in parts)
    return known[id(value)]


def _copy(value: Any, place: Place) -> Any:
    """A copy of a value that stands at this place of the config."""
    if len(place) > MAX_DEPTH:
        raise ConfigError(f"{path_of(place[:3])}{_too_deep()}")
    if isinstance(value, Mapping):
        return {_key(key, place): _copy(part, (*place, key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(part, (*place, i)) for i, part in enumerate(value)]
    return _scalar(value, place)


def _key(key: Any, place: Place) -> str:
    if not isinstance(key, str) or ODD.search(key):
        raise ConfigError(
            f"{path_of(place)}key {short(key)} is not allowed; allowed are keys that are a line "
            "of text"
        )
    return str(key)


def _scalar(value: Any, place: Place) -> Any:
    if isinstance(value, datetime.date | os.PathLike):
        value = str(value)  # YAML reads 2026-01-01 as a date
    if isinstance(value, str):
        is_sentence = bool(place) and place[-1] in SENTENCES
        if (ODD_IN_SENTENCE if is_sentence else ODD).search(value):
            raise ConfigError(
                f"{path_of(place)}value {short(value)} is not allowed; allowed is text "
                f"{'' if is_sentence else 'of one line '}without control characters"
            )
        return str(value)
    if type(value) is int and abs(value) >= MAX_INTEGER:
        raise ConfigError(f"{path_of(place)}an integer of more than 4,000 digits; allowed are less")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ConfigError(
        f"{path_of(place)}value {short(value)} is not allowed; allowed are texts, numbers, true, "
        "false, lists and mappings"
    )


def path_of(parts: Any) -> str:
    """The beginning of a message: which key it is about."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
    return f"config key {text}: " if text else "config: "


def short(value: Any) -> str:
    """A value as text, cut if long."""
    if isinstance(value, str):
        value = value[:100]
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
