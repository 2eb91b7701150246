"""What the templates may do to a value."""

import ast
import base64
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from markupsafe import Markup

from irm_bench import registry
from irm_bench.report import numbers
from irm_bench.report.book import Entry
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


def nearest(values: pd.Series, wanted: float) -> float:
    """The one of the values that is nearest to the wanted one."""
    return float(values.iloc[(values - wanted).abs().to_numpy().argmin()])


def penalty_story(name: str) -> str:
    """What a penalty's file says of itself in its heading, and where it comes from."""
    text = ast.get_docstring(ast.parse(registry.path("penalties", name).read_text("utf-8"))) or ""
    heading = " ".join(text.partition("\n\n")[0].split())
    source = registry.metadata("penalties", name)["REFERENCE"]
    return f"{(heading.partition(': ')[2] or heading).rstrip('.')} ({source})."


def bounds(entry: Entry, low: Any, high: Any) -> Markup:
    """An estimate with bounds that stand in other columns."""
    if pd.isna(low) or pd.isna(high):
        return entry.__html__()
    value, lower, upper = numbers.interval(float(entry), float(low), float(high))
    return entry.link(value) + Markup(' <span class="ci">[{}, {}]</span>').format(lower, upper)


def p_value(value: Any) -> str:
    if pd.isna(value):
        return ""
    return "< 0.0001" if value < 1e-4 else numbers.significant(float(value), 2)


QUANTITIES = {
    "mse": "mean squared error",
    "average_mse": "average mean squared error",
    "train_risk": "mean squared error, training",
    "penalty": "penalty estimate",
    "noise_floor": "noise floor",
    "average_noise_floor": "average noise floor",
    "noise_variance": "sample variance of the noise",
    "oracle_mse": "oracle’s squared error",
}


def quantity_label(name: str) -> str:
    """A quantity of the tables in words."""
    kind, _, number = name.partition("_")
    if kind in ("phi", "corr") and number.isdigit():
        return {"phi": "weight φ", "corr": "correlation of feature "}[kind] + number
    return QUANTITIES.get(name, name.replace("_", " "))


def where_label(row: Any) -> str:
    """Split, σ and step of a row, those that it has."""
    parts = [row.split] if row.split else []
    parts += [] if pd.isna(row.sigma) else [f"σ = {row.sigma:g}"]
    parts += [] if pd.isna(row.step) else [f"after {int(row.step):,} updates"]
    return ", ".join(parts)


def yes_no(value: Any) -> str:
    return "" if pd.isna(value) else ("yes" if value else "no")


def percent(share: Any) -> str:
    return "" if pd.isna(share) else f"{100 * share:.0f}%"


def blank(value: Any) -> str:
    """A count, or nothing."""
    return "" if pd.isna(value) else numbers.plain(float(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "as_csv": as_csv,
    "blank": blank,
    "bounds": bounds,
    "csv_link": csv_link,
    "env": environment_label,
    "feature": feature_label,
    "listing": listing,
    "method_series": lambda method: look(method.name, method.penalty),
    "nearest": nearest,
    "p": p_value,
    "penalty_label": lambda name: registry.metadata("penalties", name)["LABEL"],
    "penalty_story": penalty_story,
    "percent": percent,
    "plain": numbers.plain,
    "quantity": quantity_label,
    "series": lambda row: look(row.method, row.penalty),
    "sig": numbers.significant,
    "sigmas": sigmas_label,
    "slug": slug,
    "where": where_label,
    "yes_no": yes_no,
}
