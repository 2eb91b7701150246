"""Faults of what a user brings, and what they were about."""

import contextlib
from collections.abc import Iterator


class PluginError(ValueError):
    """A plugin that does not keep its contract: names its file, what it gave and what is needed."""


@contextlib.contextmanager
def about(what: str) -> Iterator[None]:
    """Name what is being worked on in the message of any error that is raised inside."""
    try:
        yield
    except Exception as error:
        error.add_note(what)
        raise
