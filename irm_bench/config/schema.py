"""A raw config against the schema: the first thing wrong, as one line for people."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irm_bench.config.model import ConfigError
from irm_bench.config.plain import from_yaml, path_of, short

if TYPE_CHECKING:
    from jsonschema import ValidationError

SCHEMA = Path(__file__).with_name("schema.yaml")
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


def check(raw: Mapping[str, Any]) -> None:
    """Refuse a config that the schema does not allow.

    Raises:
        ConfigError: the key, its value and what is allowed.
    """
    _check_finite(raw, ())
    import jsonschema  # takes as long to load as all that reads configs

    errors = list(_validator(jsonschema)(_schema()).iter_errors(raw))
    if errors:
        raise ConfigError(_explain(min(errors, key=lambda e: (len(e.absolute_path), str(e.path)))))


@cache
def _validator(jsonschema: Any) -> Any:
    """JSON Schema calls 3.0 an integer; a config that says ``seeds: 3.0`` does not mean a count."""
    draft = jsonschema.Draft202012Validator
    checker = draft.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    return jsonschema.validators.extend(draft, type_checker=checker)


@cache
def _schema() -> dict[str, Any]:
    return from_yaml(SCHEMA.read_text(encoding="utf-8"))


def ordered(value: Any, schema: Mapping[str, Any] | None = None) -> Any:
    """A checked config with its keys in the schema's order, however they were laid over each other.

    Keys that are names of a user's own, as of a grid, stay in the user's order.
    """
    schema = _schema() if schema is None else schema
    if isinstance(value, list) and "items" in schema:
        return [ordered(item, schema["items"]) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        parts = schema["properties"].items()
        return {key: ordered(value[key], part) for key, part in parts if key in value}
    return value


def _check_finite(value: Any, path: tuple[Any, ...]) -> None:
    """Schemas let NaN pass every bound, so it is looked for first."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(
            f"{path_of(path)}value {value} is not allowed; allowed is a finite number"
        )
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            _check_finite(part, (*path, key))


def _explain(error: "ValidationError") -> str:
    """One line for one schema error: key, value, allowed."""
    where = path_of(error.absolute_path)
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
    if isinstance(instance, float) and "integer" in allowed_forms:
        hint = " (an integer is written without a dot)"
    return f"{where}value {short(instance)} is not allowed; allowed is {allowed_forms}{hint}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _deref(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return _schema()["$defs"][reference.rsplit("/", 1)[1]] if reference else schema


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
