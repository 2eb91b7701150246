"""What the templates may do to a value."""

import datetime
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
import yaml
from jinja2.runtime import Context
from markupsafe import Markup

from irm_bench.config.model import Method
from irm_bench.presentation import graph, numbers
from irm_bench.presentation.prose import in_words
from irm_bench.presentation.series import GREEK, Series, value_words
from irm_bench.report.ledger import Entry, Ledger
from irm_bench.report.vocabulary import quantity_label

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def csv_link(text: str) -> str:
    """A table as an address that a browser downloads without any network."""
    return "data:text/csv;charset=utf-8," + quote(text, safe="-_.!~*();:@&=+$,/?")


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


def bounds(entry: Entry, low: Any, high: Any) -> Markup:
    """An estimate with bounds that stand in other columns."""
    if pd.isna(low) or pd.isna(high):
        return entry.cell(entry.short)
    return entry.between(float(low), float(high))


def plain_bounds(mean_and_bounds: tuple[float, float, float]) -> str:
    """An estimate with its bounds, not linked; nothing for no estimate."""
    if pd.isna(mean_and_bounds[0]):
        return ""
    if pd.isna(mean_and_bounds[1]) or pd.isna(mean_and_bounds[2]):
        return numbers.significant(mean_and_bounds[0], 4)
    value, low, high = numbers.interval(*mean_and_bounds)
    return f"{value} [{low}, {high}]"


def sig_or_blank(value: Any, digits: int = 3) -> str:
    return "" if pd.isna(value) else numbers.significant(float(value), digits)


def share(entry: Entry) -> Markup:
    """A share as a linked percentage with one decimal."""
    return entry.link(f"{100 * float(entry):.1f}%")


def spans(numbers_: Iterable[int]) -> str:
    """``0–3, 7``."""
    ranges: list[list[int]] = []
    for n in sorted(numbers_):
        if ranges and n == ranges[-1][-1] + 1:
            ranges[-1][1:] = [n]
        else:
            ranges.append([n])
    return ", ".join("–".join(map(str, span)) for span in ranges)


def as_yaml(value: Any) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=None)


def p_value(value: Any) -> str:
    if pd.isna(value):
        return ""
    return "< 0.0001" if value < 1e-4 else numbers.significant(float(value), 2)


@jinja2.pass_context
def where_label(context: Context, row: Any) -> str:
    """Split, environment and step of a printed number, those that it has."""
    parts = [row.split] if row.split else []
    for name, _ in context["layout"].main_parameters:
        value = getattr(row, name)
        if not pd.isna(value) and value != "":
            parts.append(f"{GREEK.get(name, name)} = {value_words(value)}")
    parts += [] if pd.isna(row.step) else [f"after {int(row.step):,} updates"]
    return ", ".join(parts)


@jinja2.pass_context
def options_label(context: Context, row: Any) -> str:
    """The options of the data model of a printed number: ``hidden = 0, hetero = 1``."""
    parts = []
    for name, _ in context["layout"].options:
        value = getattr(row, name)
        if not pd.isna(value) and value != "":
            parts.append(f"{GREEK.get(name, name.replace('_', ' '))} = {value_words(value)}")
    return ", ".join(parts)


@jinja2.pass_context
def environment(context: Context, label: str) -> str:
    """An environment of the tables for people."""
    return context["looks"].environment(label)


@jinja2.pass_context
def train_set(context: Context, label: str) -> str:
    """A training set of the tables for people."""
    return context["looks"].train_set(label)


@jinja2.pass_context
def series(context: Context, row: Any) -> Series:
    """How the method of a table's row looks."""
    return context["looks"].one(row.method, row.penalty)


@jinja2.pass_context
def method_series(context: Context, method: Method) -> Series:
    """How a method of a study looks."""
    return context["looks"].one(method.name, method.penalty)


@jinja2.pass_context
def penalty_label(context: Context, name: str) -> str:
    """A penalty estimator's name for people."""
    return context["config"].book.plugin("penalties", name).get("LABEL", name)


@jinja2.pass_context
def penalty_story(context: Context, name: str) -> str:
    """What a penalty's file says of itself, and where it comes from."""
    plugin = context["config"].book.plugin("penalties", name)
    return f"{plugin.get('STORY', name)} ({plugin.get('REFERENCE', 'no source')})."


@jinja2.pass_context
def with_claims(context: Context, text: str) -> Markup:
    """``claim_links`` of the page's own claims."""
    return context["claim_link"](text)


def claim_links(book: Ledger, words: Callable[[str], str] = in_words) -> Callable[[str], Markup]:
    """A function: where a text names a claim by its file, the claim's title with a link to it.

    The rest of the text is put into words.
    """
    titles = dict(book.rows("claims")[["claim", "title"]].to_numpy()) if "claims" in book else {}
    names = re.compile(rf"\b({'|'.join(map(re.escape, titles))})\b") if titles else None

    def linked(text: str) -> Markup:
        parts = names.split(text) if names else [text]
        markup = Markup()
        for place, part in enumerate(parts):
            if place % 2:  # what was split at: a claim's name
                link = Markup('<a href="#claim-{}">{}</a>')
                markup += link.format(slug(part), words(titles[part]))
            else:
                markup += words(part)
        return markup

    return linked


@jinja2.pass_context
def words(context: Context, text: str) -> str:
    """A text of a claim, a study or a table without raw names."""
    return str(context["vocabulary"].text(text))


def size(n_bytes: int) -> str:
    """``1,434,550`` bytes for people: ``1.4 MB``."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(n_bytes, 1) / 1e3:.0f} kB"


def long_date(date: str) -> str:
    """``2026-11-24`` as ``24 November 2026``."""
    day = datetime.date.fromisoformat(date)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def duration(seconds: float) -> str:
    """``2 min 5 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


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
    "claims": with_claims,
    "bounds": bounds,
    "csv_link": csv_link,
    "date": long_date,
    "drawn": graph.svg,
    "duration": duration,
    "env": environment,
    "listing": listing,
    "method_series": method_series,
    "nearest": nearest,
    "options": options_label,
    "p": p_value,
    "penalty_label": penalty_label,
    "penalty_story": penalty_story,
    "percent": percent,
    "plain": numbers.plain,
    "plain_bounds": plain_bounds,
    "quantity": quantity_label,
    "series": series,
    "share": share,
    "sig": numbers.significant,
    "sig_or_blank": sig_or_blank,
    "size": size,
    "slug": slug,
    "spans": spans,
    "train_set": train_set,
    "where": where_label,
    "words": words,
    "yaml": as_yaml,
    "yes_no": yes_no,
}
