"""What a schema cannot say of a whole config: its studies together, its page, its device.

Every check raises ``ConfigError``, with the key, its value and what is allowed, or returns nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from irm_bench.config.model import (
    Config,
    ConfigError,
    Section,
    Study,
)
from irm_bench.config.plugin_checks import known
from irm_bench.plugins.registry import Book, Plugin


def device(config: Config) -> None:
    """Refuse a device that this machine lacks; on a cluster, it is the one that trains."""
    if config.device == "cpu":
        return
    import torch  # planning does without it

    try:
        torch.empty(1, dtype=torch.float64, device=config.device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ConfigError(
            f"config key device: {config.device!r}; this machine does not have it, or not in "
            "double precision: allowed is cpu"
        ) from error


def notes(config: Config) -> list[str]:
    """What of a config will have nothing to show, a line each: it is no fault, and told at once."""
    studies = {study.name for study in config.studies}
    found = []
    for claim in config.claims:
        study = claim.get("STUDY", "")
        if study and study not in studies:
            found.append(
                f"claim {claim.name} looks at the study {study!r}, which the config does not have: "
                "it will not be judged"
            )
    for figure in config.figures:
        study = figure.get("STUDY", "")
        if study and study not in studies:
            found.append(
                f"figure {figure.name} draws the study {study!r}, which the config does not have: "
                "it will not be drawn"
            )
    return found


def page(book: Book, sections: Sequence[Section], lead: Sequence[str]) -> None:
    """Refuse a chapter twice or without a template, and a leading figure that is not there."""
    for i, section in enumerate(sections):
        if section.name in [other.name for other in sections[:i]]:
            raise ConfigError(
                f"config key sections[{i}].name: {section.name!r}; allowed is each one once"
            )
        template = f"sections/{section.name}.html.j2"
        if book.file(template) is None:
            raise ConfigError(
                f"config key sections[{i}].name: {section.name!r}; the book has no file {template}"
            )
    for i, name in enumerate(lead):
        known(book, "figures", name, f"lead[{i}]")


def unique(study_names: list[str]) -> None:
    """Refuse two studies of one name."""
    for i, name in enumerate(study_names):
        if name in study_names[:i]:
            raise ConfigError(
                f"config key studies[{i}].name: {name!r} is the name of studies"
                f"[{study_names.index(name)}] already; allowed are names that differ"
            )


def distinct_columns(studies: Sequence[Study]) -> None:
    """Refuse plugins that call two things by one name: all are columns of the same tables.

    Two plugins may share a name if it means the same kind of thing, with values of one kind.
    """
    owners: dict[str, tuple[str, str, str]] = {}
    for i, study in enumerate(studies):
        for role, plugin, name, values in _columns(study):
            kinds = {"text" if isinstance(value, str) else "number" for value in values}
            for kind in sorted(kinds):
                mine = (role, kind, str(plugin.path))
                owner = owners.setdefault(name, mine)
                if owner[:2] != mine[:2]:
                    raise ConfigError(
                        f"config key studies[{i}]: {name!r} is {role} ({kind}) of {plugin.path}, "
                        f"and {owner[0]} ({owner[1]}) of {owner[2]}; allowed are names that differ"
                    )


def _columns(study: Study) -> Iterator[tuple[str, Plugin, str, list[Any]]]:
    """What a study's plugins name: its role, the plugin, the name, and values that it has."""
    sem = study.model.sem
    for name, default in sem.get("OPTIONS", {}).items():
        yield "an option", sem, name, [default]
    for name in sem.get("PARAMETERS", {}):
        values = [environment[name] for environment in study.environments]
        yield "a parameter of an environment", sem, name, values
    for method in study.methods:
        for name in method.plugin.get("PARAMS", {}):
            yield "a parameter of a method", method.plugin, name, [0.0]
        for name in method.plugin.get("EXTRAS", {}):
            yield "what a method reports", method.plugin, name, [0.0]
    for optimiser in study.all_optimisers:
        for name in optimiser.plugin.get("PARAMS", {}):
            yield "a parameter of an optimiser", optimiser.plugin, name, [0.0]
    for name in study.loss.get("METRICS", ()):
        yield "a metric", study.loss, name, [0.0]
