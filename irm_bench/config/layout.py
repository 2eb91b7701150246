"""Which columns the tables of a config have, besides those that the tables of all configs have.

They follow its plugins: options of the structure, parameters of environments, methods and
optimisers, features, what methods report beside φ, and the metrics of the losses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from irm_bench.config.model import Config, Environment, Study

# A column's name and kind: text, integer or number.
Kinds = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Layout:
    """The columns of a config, in order."""

    options: Kinds
    parameters: Kinds
    main_parameters: Kinds
    train_column: str
    counts_environments: bool
    params: Kinds
    factors: Kinds
    phis: tuple[str, ...]
    extras: tuple[tuple[str, str], ...]
    metrics: tuple[str, ...]
    has_selection: bool
    has_truth: bool
    has_choice_of_features: bool
    has_repeated_source: bool
    has_map: bool
    has_looks: bool


def layout_of(config: Config) -> Layout:
    """The layout of a config's tables."""
    studies = config.studies
    params: dict[str, str] = {}
    for study in studies:
        for method in study.methods:
            params |= dict.fromkeys((name for name, _ in method.grid), "number")
    d_max = max(model.n_features for study in studies for model in study.models)
    parameters = [study.model.sem.get("PARAMETERS", {}) for study in studies]
    # a parameter without default has the kind of the values that it is given
    given = [environment.mapping for study in studies for environment in study.environments]
    values = _first_values([*given, *parameters])
    in_order = _names(parameters)
    kinds = {name: _kind(values.get(name), "number") for name in in_order}
    mains = [next(iter(names)) for names in parameters if names]
    return Layout(
        options=_options(studies),
        parameters=tuple(kinds.items()),
        main_parameters=tuple((name, kinds[name]) for name in dict.fromkeys(mains)),
        train_column=_train_column(studies),
        counts_environments=config.has_averages,
        params=tuple(params.items()),
        factors=_factors(studies),
        phis=tuple(f"phi_{i + 1}" for i in range(d_max)),
        extras=_extras(studies),
        metrics=_metrics(studies),
        has_selection=any(study.selection for study in studies),
        has_repeated_source=config.printed is not None and config.printed.is_repeated,
        has_map=config.map is not None,
        has_looks=bool(config.look),
        has_truth=any(study.model.has("causal_solution") for study in studies),
        has_choice_of_features=any(
            method.plugin.get("SELECTS", False)
            for study in studies
            if study.model.has("causal_solution")
            for method in study.methods
        ),
    )


def set_label(environments: Iterable[Environment]) -> str:
    """A training set as the tables write it: ``0.1;1.0``; other parameters are named."""
    members = []
    for environment in environments:
        others = environment.parameters[1:]
        is_plain = bool(environment.parameters) and set(others) <= set(environment.defaults)
        members.append(str(environment.main) if is_plain else environment.label)
    return ";".join(members)


def _names(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every name once, as they first appear."""
    names: dict[str, None] = {}
    for mapping in mappings:
        names |= dict.fromkeys(mapping)
    return list(names)


def _first_values(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            found.setdefault(name, value)
    return found


def _kind(value: Any, otherwise: str) -> str:
    if isinstance(value, str):
        return "text"
    return otherwise


def _options(studies: Iterable[Study]) -> Kinds:
    """Texts, counts, or numbers if they are no counts in some SEM."""
    kinds: dict[str, str] = {}
    for study in studies:
        for name, value in study.model.options:
            kind = _kind(value, "integer" if isinstance(value, int) else "number")
            if kinds.setdefault(name, kind) == "integer":
                kinds[name] = kind
    return tuple(kinds.items())


def _train_column(studies: Iterable[Study]) -> str:
    """``train_sigmas`` where training environments differ in σ alone, else ``train_set``."""
    for study in studies:
        for members in study.train_sets:
            for environment in members:
                (name, _), *others = environment.parameters or (("", ""),)
                if name != "sigma" or not set(others) <= set(environment.defaults):
                    return "train_set"
    return "train_sigmas"


def _factors(studies: Iterable[Study]) -> Kinds:
    """Loss, optimiser with its parameters, and start: those that are not everywhere the usual."""
    kinds: dict[str, str] = {}
    for study in studies:
        if study.loss.name != "squared":
            kinds["loss"] = "text"
        if study.starts != ("ones",):
            kinds["start"] = "text"
        for optimiser in study.all_optimisers:
            if optimiser.plugin.name != "gd":
                kinds["optimiser"] = "text"
            for name, _ in optimiser.params:
                kinds[name] = "number"
    order = ("loss", "start", "optimiser")
    usual = [(name, kinds.pop(name)) for name in order if name in kinds]
    return (*usual, *kinds.items())


def _extras(studies: Iterable[Study]) -> tuple[tuple[str, str], ...]:
    """What methods report of a run beside φ: name and meaning."""
    found: dict[str, str] = {}
    for study in studies:
        for method in study.methods:
            found |= method.plugin.get("EXTRAS", {})
    return tuple(found.items())


def _metrics(studies: Iterable[Study]) -> tuple[str, ...]:
    """What the losses measure on rows."""
    names: dict[str, None] = {}
    for study in studies:
        names |= dict.fromkeys(study.loss.get("METRICS", ()))
    return tuple(names)
