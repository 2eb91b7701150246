"""What the page reads: the tables of the results, and the figures that were drawn of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from irm_bench.config import Config
from irm_bench.plugins.registry import Plugin
from irm_bench.presentation import explore, figure_data, gallery
from irm_bench.presentation.series import Looks
from irm_bench.presentation.themes import themed
from irm_bench.storage import tables
from irm_bench.storage.paged import Rows

Tables = dict[str, pd.DataFrame | Rows]


@dataclass(frozen=True)
class FigureView:
    """A drawn figure, ready for the page."""

    name: str
    section: str
    title: str
    caption: str
    description: str
    svg: Markup
    csv: str
    data: pd.DataFrame
    row_keys: Sequence[str]
    axes: list[Any] = field(default_factory=list)
    explore: Mapping[str, Any] | None = None


def table_names(config: Config, folder: Path) -> list[str]:
    """The tables of the results, and of those that judge them the ones that are there."""
    results = tables.names(config, "aggregate")
    names = tables.names(config)
    return [name for name in names if name in results or (folder / f"{name}.csv").exists()]


def load_tables(config: Config, folder: Path) -> Tables:
    """``table_names`` with their rows; in frames, an integer that may be missing is a float.

    Raises:
        TableError: one that is missing, or not as it was written.
    """
    found = tables.load(config, folder, table_names(config, folder))
    return {
        name: table if isinstance(table, Rows) else _without_na(table)
        for name, table in found.items()
    }


def _without_na(frame: pd.DataFrame) -> pd.DataFrame:
    """Nullable integers as plain ones, or as floats where some are missing."""
    kinds = {
        name: "float64" if frame[name].hasnans else "int64"
        for name, kind in frame.dtypes.items()
        if str(kind) == "Int64"
    }
    return frame.astype(kinds)


def load_figures(config: Config, folder: Path) -> dict[str, FigureView]:
    """The figures of the config that have something to show, by name."""
    looks = Looks(config)
    found = (
        _view(figure, looks, gallery.paths(folder, figure.name)) for figure in gallery.shown(config)
    )
    return {view.name: view for view in found if view}


def _view(figure: Plugin, looks: Looks, paths: Mapping[str, Path]) -> FigureView | None:
    words = json.loads(paths["json"].read_text(encoding="utf-8"))
    if words["empty"]:
        return None
    data = figure_data.from_columns(words["data"])
    plugin = figure.metadata
    return FigureView(
        name=figure.name,
        section=plugin["SECTION"],
        title=words["title"],
        caption=words["caption"],
        description=words["description"],
        svg=Markup(themed(paths["svg"].read_text(encoding="utf-8"))),
        csv=paths["csv"].read_text(encoding="utf-8"),
        data=data,
        row_keys=plugin.get("ROW_KEYS", _texts(data)),
        axes=words.get("axes", []),
        explore=explore.specification(plugin, data, looks),
    )


def _texts(data: pd.DataFrame) -> list[str]:
    return list(data.select_dtypes("object").columns)
