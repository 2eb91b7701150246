"""``python -m irm_bench.publishing.docs [BOOK]``: the documents that repeat what the code says.

results/README.md has the columns of a book's tables, from their contracts; config/README.md ends
with the keys of a config, from the schema.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from irm_bench import config
from irm_bench.config import schema
from irm_bench.config.parsing import DEFAULTS
from irm_bench.config.plain import from_yaml
from irm_bench.storage import archives, tables

COLUMNS, KEYS = Path("results/README.md"), Path("config/README.md")
# What stands above it in config/README.md is written by hand.
HERE = "<!-- From here on made by `make docs`, from irm_bench/config/schema.yaml. -->\n"


def columns(book: str) -> str:
    """The text of results/README.md."""
    return tables.document(tables.contracts(config.of_book(book)))


def with_keys(text: str) -> str:
    """The text of config/README.md with the keys that the schema knows."""
    written, _, _ = text.partition(HERE)
    return written + HERE + "\n" + "\n".join(_keys()) + "\n"


def _keys() -> Iterator[str]:
    known = from_yaml(schema.SCHEMA.read_text(encoding="utf-8"))
    top, of_study = known["properties"], known["properties"]["studies"]["items"]["properties"]
    yield from _table("## Keys of a config", top, {})
    yield ""
    yield from _table("## Keys of a study, and of `defaults`", of_study, DEFAULTS)


def _table(
    heading: str, properties: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[str]:
    yield from (heading, "", "| key | meaning | unless it is given |", "| --- | --- | --- |")
    for name in sorted(properties):
        meaning = " ".join(str(properties[name]["description"]).split()).replace("<", "&lt;")
        default = f"`{json.dumps(defaults[name])}`" if name in defaults else ""
        yield f"| `{name}` | {meaning} | {default} |"


def main(arguments: list[str]) -> int:
    """Write both."""
    archives.write_text(COLUMNS, columns(*arguments or [config.DEFAULT_BOOK]))
    archives.write_text(KEYS, with_keys(KEYS.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
