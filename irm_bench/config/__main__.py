"""``python -m irm_bench.config BOOK [CONFIG …]``: whether a book can be run with config files."""

import sys

from irm_bench.config import ConfigError, checks, of_book, read


def main(arguments: list[str]) -> int:
    """Check config files laid over a book's own, the last one on top; 0 if they can be run."""
    book, *paths = arguments
    try:
        overlays = [read(path) for path in paths]
        for path, overlay in zip(paths, overlays, strict=True):
            if "book" in overlay:
                raise ConfigError(
                    f"{path}: config key book: {overlay['book']!r}; a book is named on the command "
                    "line alone (make report BOOK=…), for its files are code that runs"
                )
        parsed = of_book(book, *overlays)
        checks.device(parsed)
        for note in checks.notes(parsed):
            print(f"note: {note}", file=sys.stderr)
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
