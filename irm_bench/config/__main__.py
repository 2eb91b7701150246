"""``python -m irm_bench.config BOOK [CONFIG …] [--plugins PATH]``: whether a book can be run so."""

import sys
from typing import Any

from irm_bench.config import Config, ConfigError, checks, of_book, read

NOUNS = {"book": "a book is", "plugins": "plugins are"}


def asked(arguments: list[str]) -> Config:
    """The config of a command line: a book's with config files laid over, the last one on top.

    Raises:
        ConfigError, OSError: it is none.
    """
    book, *rest = arguments
    return of_book(book, *overlays_of(rest))


def overlays_of(arguments: list[str]) -> list[dict[str, Any]]:
    """What a command line lays over a book's config: its config files, and plugins if it has any.

    Raises:
        ConfigError, OSError: a file cannot be read, or says what the command line alone may say.
    """
    paths, brought = arguments, list[str]()
    if "--plugins" in paths:
        place = paths.index("--plugins")
        paths, brought = paths[:place], paths[place + 1 :]
    overlays = [read(path) for path in paths]
    for path, overlay in zip(paths, overlays, strict=True):
        for key, word in (("book", "BOOK"), ("plugins", "PLUGINS")):
            if key in overlay:
                raise ConfigError(
                    f"{path}: config key {key}: {overlay[key]!r}; {NOUNS[key]} named on the "
                    f"command line alone (make report {word}=…), for files are code that runs"
                )
    return [*overlays, {"plugins": brought}] if brought else overlays


def main(arguments: list[str]) -> int:
    """Check the config of a command line; 0 if it can be run."""
    try:
        parsed = asked(arguments)
        checks.device(parsed)
        for note in checks.notes(parsed):
            print(f"note: {note}", file=sys.stderr)
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
