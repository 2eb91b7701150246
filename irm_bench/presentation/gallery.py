"""Which figures a config has, which tables they read, and where they are kept."""

from collections.abc import Iterable
from pathlib import Path

from irm_bench.config import Config
from irm_bench.plugins.registry import Plugin


def shown(config: Config) -> list[Plugin]:
    """The figures of the config whose study it has, in the order of the page."""
    studies = {"", *(study.name for study in config.studies)}
    return [figure for figure in config.figures if figure.get("STUDY", "") in studies]


def table_names(figures: Iterable[Plugin]) -> list[str]:
    """The tables that figures read."""
    return sorted({table for figure in figures for table in figure.metadata["TABLES"]})


def paths(folder: Path | str, name: str) -> dict[str, Path]:
    """The files of a figure: what it looks like, its data and its words."""
    return {kind: Path(folder) / f"{name}.{kind}" for kind in ("svg", "csv", "json")}
