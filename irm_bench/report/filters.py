"""What the templates may do to a value."""

import base64
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from irm_bench.report import numbers
from irm_bench.report.series import environment_label, feature_label, look, sigmas_label


def csv_link(text: str) -> str:
    """A table as an address that a browser downloads without any network."""
    return "data:text/csv;base64," + base64.b64encode(text.encode()).decode()


def as_csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, float_format="%.7g")


def listing(items: Iterable[Any], last: str = "and") -> str:
    """``a, b and c``."""
    *most, end = [str(item) for item in items] or [""]
    return f"{', '.join(most)} {last} {end}" if most else end


def slug(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


FILTERS: dict[str, Callable[..., Any]] = {
    "as_csv": as_csv,
    "csv_link": csv_link,
    "env": environment_label,
    "feature": feature_label,
    "listing": listing,
    "plain": numbers.plain,
    "series": lambda row: look(row.method, row.penalty),
    "sig": numbers.significant,
    "sigmas": sigmas_label,
    "slug": slug,
}
