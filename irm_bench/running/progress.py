"""Progress bars: shown on a terminal, silent elsewhere, and where a caller wants none."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")
_IS_QUIET = ContextVar("is_quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """No bars inside the block."""
    token = _IS_QUIET.set(True)
    try:
        yield
    finally:
        _IS_QUIET.reset(token)


def watch(items: Collection[T], label: str, unit: str) -> "tqdm[T]":
    """Iterate with a bar."""
    return tqdm(items, **_style(label, unit))


def bar(total: int, label: str, unit: str) -> "tqdm[Any]":
    """A bar to be moved by hand."""
    return tqdm(total=total, **_style(label, unit))


def _style(label: str, unit: str) -> dict[str, Any]:
    hides = True if _IS_QUIET.get() else None
    return {"desc": label, "unit": unit, "disable": hides, "leave": False, "mininterval": 0.5}
