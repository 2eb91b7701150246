"""What the page's script needs to make a figure explorable, derived from the figure's own file.

A figure with curves may say EXPLORE, a mapping with the keys

    x, x_label, x_scale     column, words and scale: linear, log, a number (logarithmic both ways
                            from ± it, linear between), or symlog: the least positive x is that
    y_label, y_scale        the same for the mean
    band                    columns of the band
    panel, chooser          names of columns whose values make a panel; what one is asked to choose
    panels                  by the first value of ``panel``: label, y_label, y_scale, levels
    extra                   further columns that are curves: their labels
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from irm_bench.config.model import Value
from irm_bench.presentation.series import GREEK, TRAIN_COLUMNS, Looks, Series

DASHES = {"dotted": "2 3", "dashed": "6 3", "dashdot": "7 3 2 3"}
EXTRA_DASHES = ("5 4", "1 3")


def specification(
    plugin: Mapping[str, Any], data: pd.DataFrame, looks: Looks
) -> dict[str, Any] | None:
    """The specification of a figure's interactive chart; None if it has none."""
    given = plugin.get("EXPLORE")
    if not given or data.empty:
        return None
    return {
        "title": plugin["TITLE"],
        "x": {"column": given["x"], "label": given["x_label"], "kind": _scale(given, data)},
        "y": {"label": given["y_label"], "kind": given["y_scale"]},
        "band": list(given.get("band", ("ci_low", "ci_high"))),
        "chooser": given.get("chooser", ""),
        "panels": _panels(given, data, looks),
        "series": [*map(curve, looks(data)), *_extra(given, data)],
    }


def _scale(given: Mapping[str, Any], data: pd.DataFrame) -> Any:
    if given["x_scale"] != "symlog":
        return given["x_scale"]
    column = data[given["x"]]
    return float(column[column > 0].min())


def curve(series: Series) -> dict[str, Any]:
    """How a method's curve looks and which rows are its own."""
    return {
        "key": f"{series.method}-{series.penalty}",
        "label": series.label,
        "color": ink(series.color),
        "dash": dash(series.dash),
        "marker": series.marker,
        "column": "mean",
        "where": [["method", series.method], ["penalty", series.penalty]],
    }


def ink(color: str) -> str:
    """Black follows the text; other colours are those that the page's themes shift."""
    return "currentColor" if color == "#000000" else f"var(--c{color[1:]},{color})"


def dash(style: Any) -> str:
    """A matplotlib line style as stroke-dasharray."""
    if isinstance(style, tuple):
        return " ".join(f"{1.8 * length:g}" for length in style[1])
    return DASHES.get(style, "none")


def _panels(given: Mapping[str, Any], data: pd.DataFrame, looks: Looks) -> list[dict[str, Any]]:
    columns = list(given.get("panel", ()))
    if not columns:
        return [{"key": "", "label": "", "members": [], "where": []}]
    return [
        _panel(given, columns, values, looks)
        for values in data[columns].drop_duplicates().itertuples(index=False)
    ]


def _panel(
    given: Mapping[str, Any], columns: list[str], values: Any, looks: Looks
) -> dict[str, Any]:
    texts = [f"{v:.7g}" if isinstance(v, float) else str(v) for v in values]
    words = given.get("panels", {}).get(texts[0], {})
    parts = [_words(c, t, words, looks) for c, t in zip(columns, texts, strict=True)]
    return {
        "key": ";".join(texts),
        "label": ", ".join(parts),
        "members": _members(columns, texts, looks),
        "where": [[c, t] for c, t in zip(columns, texts, strict=True)],
        "y": words.get("y_label", ""),
        "kind": words.get("y_scale", ""),
        "levels": words.get("levels", []),
    }


def _members(columns: list[str], texts: list[str], looks: Looks) -> list[Value]:
    """The main parameters of the training environments, where a panel is a training set."""
    found: list[Value] = []
    for column, text in zip(columns, texts, strict=True):
        if column in TRAIN_COLUMNS:
            found += looks.members(text)
    return found


def _words(column: str, text: str, words: Mapping[str, Any], looks: Looks) -> str:
    if column in TRAIN_COLUMNS:
        return looks.train_set(text)
    if column == "environment":
        return looks.environment(text)
    return f"{GREEK[column]} = {text}" if column in GREEK else words.get("label", text)


def _extra(given: Mapping[str, Any], data: pd.DataFrame) -> list[dict[str, Any]]:
    """Curves from columns of their own; their rows are those of one method that has them."""
    found = []
    for (column, label), look in zip(given.get("extra", {}).items(), EXTRA_DASHES, strict=False):
        rows = data[data[column].notna()]
        if len(rows):
            where = [[c, rows[c].iloc[0]] for c in ("method", "penalty")]
            plain = {"key": column, "label": label, "color": "currentColor", "marker": ""}
            found.append(plain | {"dash": look, "column": column, "where": where})
    return found
