"""Typed view of the config: validated against the schema, names checked against the registry.

Everything wrong with a config is one ``ConfigError`` that names key, value and what is allowed,
raised before any work starts. ``model`` has the types, ``schema`` explains what the schema forbids,
``plugin_checks``, ``study_checks`` and ``checks`` what it cannot say; ``studies`` and ``parsing``
go from YAML to the types.
"""

from irm_bench.config.model import (
    Audit,
    Config,
    ConfigError,
    Environment,
    LearningRate,
    Map,
    MapMethod,
    Method,
    ModelKey,
    Optimiser,
    Section,
    Selection,
    Study,
)
from irm_bench.config.parsing import DEFAULT_BOOK, laid_over, merge, of_book, parse, read

__all__ = [
    "DEFAULT_BOOK",
    "Audit",
    "Config",
    "ConfigError",
    "Environment",
    "LearningRate",
    "Map",
    "MapMethod",
    "Method",
    "ModelKey",
    "Optimiser",
    "Section",
    "Selection",
    "Study",
    "laid_over",
    "merge",
    "of_book",
    "parse",
    "read",
]
