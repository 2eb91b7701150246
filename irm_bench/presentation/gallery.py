"""Which figures a config has, which tables they read, and where they are kept."""

from collections.abc import Iterable
from pathlib import Path

from irm_bench.config import Config
from irm_bench.plugins import registry


def shown(config: Config) -> list[str]:
    """The figures of the config whose study it has, in the order of the page."""
    studies = {"", *(study.name for study in config.studies)}
    return [n for n in config.figures if registry.metadata("figures", n)["STUDY"] in studies]


def table_names(names: Iterable[str]) -> list[str]:
    """The tables that figures read."""
    return sorted({t for name in names for t in registry.metadata("figures", name)["TABLES"]})


def paths(folder: Path | str, name: str) -> dict[str, Path]:
    """The files of a figure: what it looks like, its data and its words."""
    return {kind: Path(folder) / f"{name}.{kind}" for kind in ("svg", "csv", "json")}
