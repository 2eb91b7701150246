"""What a schema cannot say of plugins: their names, constants, and the values that they take.

Every check raises ``ConfigError``, with the key, its value and what is allowed, or returns what it
looked up.
"""

from collections.abc import Sequence
from typing import Any

from irm_bench.config.model import (
    ConfigError,
)
from irm_bench.plugins.registry import Book, Plugin, UnknownPluginError

# Of what must be above 0: penalties have fourth powers of σ, which are to be above 0 too.
LEAST_POSITIVE = 1e-50
# Constants of plugins that the config is read by.
COLUMNS = ("PARAMETERS", "OPTIONS", "PARAMS", "EXTRAS")
READ_WITHOUT_RUNNING = frozenset(
    [
        "PARAMETERS",
        "OPTIONS",
        "PARAMS",
        "EXTRAS",
        "POSITIVE",
        "CHOICES",
        "LEAST",
        "MULTIPLE_OF",
        "NEEDS",
        "LOSSES",
        "METRICS",
        "METRIC",
        "TARGETS",
        "DATA",
        "HESSIAN",
        "TAKES_PENALTY",
        "IS_CONTROL",
        "MIN_ENVIRONMENTS",
        "COUNTERPART",
        "NEEDS_ENVIRONMENTS",
        "TRAINS_IN",
        "ASSUMPTION",
        "LIMIT",
        "FAILS",
        "NO_ANSWER",
    ]
)
# Metrics that have columns of their own, whatever loss measures them.
METRICS = ("mse", "log_loss", "error_rate")
# What a parameter may not be called: keys of a method in the config, and columns that stand beside
# those of parameters (beside φ, correlations and starts, which are told by how their names begin).
RESERVED = frozenset(
    [
        "name",
        "monitor",
        "max_n_samples",
        "study",
        "sem",
        "n_samples",
        "sampling",
        "train_sigmas",
        "train_set",
        "n_environments",
        "method",
        "penalty",
        "loss",
        "start",
        "optimiser",
        "learning_rate",
        "steps",
        "selection",
        "seed",
        "step",
        "split",
        "environment",
        "quantity",
        "where",
        "model",
        "diverged_at",
        "train_risk",
        "final_penalty",
        "penalty_estimate",
        "mse",
        "log_loss",
        "error_rate",
        "risk",
        "optimum",
        "noise_variance",
        "oracle_mse",
        "causal_error",
        "noncausal_error",
        "false_causes",
        "missed_causes",
        "n_candidates",
        "score",
        "n_seeds",
        "n_diverged",
        "mean",
        "sd",
        "ci_low",
        "ci_high",
        "ci_method",
        "q05",
        "q95",
        "objective",
        "converged",
        "predictor",
        "estimator",
        "n_draws",
        "estimate",
        "mean_estimate",
        "squared_error",
        "negative_share",
        "true_penalty",
        "exact_bias",
        "exact_variance",
        "exact_negative_share",
        "truth",
        "penalty_value",
        "printed",
        "statistic",
        "standard_error",
        "n",
        "ours",
        "our_error",
        "difference",
        "half_unit",
        "compared_with",
        "pi_low",
        "pi_high",
        "inside",
    ]
)
BEGINNINGS = ("phi_", "corr_", "start_", "order_")


def known(book: Book, kind: str, name: str, where: str) -> Plugin:
    """The plugin of a name; one that no file bears is refused, and so are its bad constants."""
    try:
        plugin = book.plugin(kind, name)
        metadata = plugin.metadata
    except UnknownPluginError as error:
        raise ConfigError(f"config key {where}: {error}") from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"config key {where}: {name!r}, a file with an error ({error}); allowed is Python"
        ) from None
    for constant in metadata.get("COMPUTED", ()):
        if constant in READ_WITHOUT_RUNNING:
            raise ConfigError(
                f"config key {where}: {plugin.path} computes {constant}, which is read without "
                "running the file; allowed is a literal value"
            )
    for constant in COLUMNS:
        _check_names(plugin, constant, metadata.get(constant, {}), where)
    metrics = {name: "" for name in metadata.get("METRICS", ()) if name not in METRICS}
    _check_names(plugin, "METRICS", metrics, where)
    return plugin


def _check_names(plugin: Plugin, constant: str, names: Any, where: str) -> None:
    """Refuse a constant of a plugin that is no mapping from names which columns may have."""
    if not isinstance(names, dict):
        raise ConfigError(
            f"config key {where}: {plugin.path} has {constant} = {names!r}; allowed is a mapping "
            "from names"
        )
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise ConfigError(
                f"config key {where}: {plugin.path} has {name!r} in {constant}; allowed are names "
                "of letters, digits and underscores"
            )
        if name in RESERVED or name.startswith(BEGINNINGS):
            raise ConfigError(
                f"config key {where}: {plugin.path} has {name!r} in {constant}, the name of a "
                "column of the tables; allowed is any other name"
            )


def known_all(book: Book, kind: str, names: Sequence[str]) -> tuple[Plugin, ...]:
    """The plugins of a list of names."""
    return tuple(known(book, kind, name, f"{kind}[{i}]") for i, name in enumerate(names))


def allowed_option(sem: Plugin, name: str, value: Any, where: str) -> None:
    """Refuse an option that is not of the kind of its default, or not one of the SEM's choices.

    A whole number is at least 1, like a count, unless its default, a choice or the SEM's LEAST says
    otherwise.
    """
    default = sem.get("OPTIONS", {})[name]
    choices = sem.get("CHOICES", {}).get(name)
    kinds = (int, float) if isinstance(default, float) else type(default)
    if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, kinds):
        kind = "a number" if isinstance(default, float) else f"of type {type(default).__name__}"
        raise ConfigError(f"config key {where}: {value!r}; allowed is {kind}, as {default!r} is")
    if choices and value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ConfigError(f"config key {where}: {value!r}; allowed is one of {listed}")
    least = sem.get("LEAST", {}).get(name, min(default, 1) if type(default) is int else value)
    if not choices and value < least:
        raise ConfigError(f"config key {where}: {value}; allowed is at least {least}")


def allowed_value(sem: Plugin, name: str, value: Any, where: str) -> None:
    """Refuse a parameter of an environment that its SEM does not take."""
    default = sem.get("PARAMETERS", {})[name]
    if default is not None and isinstance(default, str) != isinstance(value, str):
        kind = "a text" if isinstance(default, str) else "a number"
        raise ConfigError(f"config key {where}: {name} = {value!r}; allowed is {kind}")
    if name in sem.get("POSITIVE", ()) and (isinstance(value, str) or value < LEAST_POSITIVE):
        is_number = not isinstance(value, str) and value > 0
        allowed = f"at least {LEAST_POSITIVE:g}" if is_number else "greater than 0"
        raise ConfigError(f"config key {where}: {name} = {value!r}; allowed is {allowed}")
    choices = sem.get("CHOICES", {}).get(name)
    if choices and value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ConfigError(f"config key {where}: {name} = {value!r}; allowed is one of {listed}")
