"""Stage 8a: the tables of results → of each figure its SVG, the table that it shows, and its words.

The CSV file is for people, with seven digits; the JSON file has words and data for the page.

A figure is a file of the book's ``figures`` with the constants TITLE, SECTION (of the page), STUDY
('' for any), TABLES (that it reads), SIZE (inches) and, if texts alone do not tell the rows of its
data apart, ROW_KEYS (columns that do), and the functions

    data(tables, config) → DataFrame      what it draws; empty where the config has nothing to show.
                                          A table of a row a seed comes as ``storage.paged.Rows``,
                                          for there may be more of them than fit in memory
    draw(data, figure, looks)             onto an empty matplotlib figure; ``looks(data)`` are the
                                          methods of a table, with label, colour, marker and dash
    describe(data, looks) → str           for those who cannot see it: what is shown, and the gist
    caption(data, looks) → str            what points, bars and bands are; level and n of intervals
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from irm_bench.config import Config
from irm_bench.errors import about
from irm_bench.plugins.registry import Plugin
from irm_bench.presentation import drawing, figure_data, gallery
from irm_bench.presentation.series import Looks
from irm_bench.storage import archives, tables

# How Python writes what is not there, where all runs of a point diverged.
NO_NUMBER = re.compile(r"\bnan\b")


def run(config: Config, figures: Sequence[Plugin], folder: Path | str, output: Path | str) -> None:
    """Draw figures of the tables in ``folder`` into the folder ``output``, three files each."""
    plugins = {figure.name: figure.load() for figure in figures}
    looks = Looks(config)
    found = tables.load(config, folder, gallery.table_names(figures))
    for name, plugin in plugins.items():
        with about(f"figure {name}"):
            data = plugin.data({table: found[table] for table in plugin.TABLES}, config)
            _write(name, plugin, data, looks, output)


def _write(name: str, plugin: Any, data: pd.DataFrame, looks: Looks, output: Path | str) -> None:
    words: dict[str, Any] = {"title": plugin.TITLE, "empty": bool(data.empty)}
    svg = ""
    if not data.empty:
        words["description"] = NO_NUMBER.sub("none", plugin.describe(data, looks))
        words["caption"] = plugin.caption(data, looks)
        figure = drawing.plot(plugin, data, looks)
        svg = drawing.as_svg(figure, name, words["title"], words["description"])
        words["data"] = figure_data.as_columns(data)
        words["axes"] = drawing.axes_of(figure, getattr(plugin, "EXPLORE", {}).get("x", ""))
    paths = gallery.paths(output, name)
    archives.write_text(paths["svg"], svg)
    archives.write_text(paths["csv"], data.to_csv(index=False, float_format="%.7g"))
    archives.write_text(paths["json"], json.dumps(words, ensure_ascii=False) + "\n")
