"""Progress bars: shown on a terminal, silent elsewhere."""

from collections.abc import Collection
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def watch(items: Collection[T], label: str, unit: str) -> "tqdm[T]":
    """Iterate with a bar."""
    return tqdm(items, **_style(label, unit))


def bar(total: int, label: str, unit: str) -> "tqdm[Any]":
    """A bar to be moved by hand."""
    return tqdm(total=total, **_style(label, unit))


def _style(label: str, unit: str) -> dict[str, Any]:
    return {"desc": label, "unit": unit, "disable": None, "leave": False, "mininterval": 0.5}
