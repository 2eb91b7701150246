"""The table that a figure shows, kept exactly: what the page cites is what was drawn."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

TEXT, INTEGER, NUMBER = "text", "integer", "number"


def as_columns(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """A table for a JSON file: by column its kind and its values, every digit of them."""
    columns = {}
    for name in frame.columns:
        kind = _kind(frame[name])
        columns[str(name)] = {"kind": kind, "values": _values(frame[name], kind)}
    return columns


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return TEXT
    whole = pd.api.types.is_integer_dtype(column) and not column.hasnans
    return INTEGER if whole else NUMBER


def _values(column: pd.Series, kind: str) -> list[Any]:
    if kind == TEXT:
        return ["" if pd.isna(value) else str(value) for value in column]
    return column.astype("int64" if kind == INTEGER else "float64").tolist()


def from_columns(columns: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The table of ``as_columns``: texts as objects, missing ones empty."""
    dtypes = {TEXT: "object", INTEGER: "int64", NUMBER: "float64"}
    return pd.DataFrame(
        {
            name: pd.Series(column["values"], dtype=dtypes[column["kind"]])
            for name, column in columns.items()
        }
    )
