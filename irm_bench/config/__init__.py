"""Typed view of the config: validated against the schema, names checked against the registry.

Everything wrong with a config is one ``ConfigError`` that names key, value and what is allowed,
raised before any work starts. ``model`` has the types, ``schema`` explains what the schema forbids,
``checks`` what it cannot say, and ``parsing`` goes from YAML to the types.
"""

from irm_bench.config.model import (
    Audit,
    Config,
    ConfigError,
    Environment,
    LearningRate,
    Method,
    Study,
)
from irm_bench.config.parsing import load, merge, parse, read

__all__ = [
    "Audit",
    "Config",
    "ConfigError",
    "Environment",
    "LearningRate",
    "Method",
    "Study",
    "load",
    "merge",
    "parse",
    "read",
]
