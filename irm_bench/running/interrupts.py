"""A Ctrl-C is no fault: it ends a command or a job without a traceback."""

import sys
from types import TracebackType

# What a shell calls the end by SIGINT.
STATUS = 130


def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in a word that a command was interrupted; any other end is told as Python tells it."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
