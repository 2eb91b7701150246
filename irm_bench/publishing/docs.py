"""``python -m irm_bench.publishing.docs [BOOK]``: the documents that repeat what the code says.

results/README.md has the columns of a book's tables, from their contracts; config/README.md ends
with the keys of a config, from the schema; README.md and docs/cluster.md tell what the published
runs cost.
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
from irm_bench.plugins.registry import find_book, known_books
from irm_bench.publishing import costs
from irm_bench.running.places import published_of
from irm_bench.storage import archives, comparison, tables

COLUMNS, KEYS = Path("results/README.md"), Path("config/README.md")
COSTS, JOBS = Path("README.md"), Path("docs/cluster.md")
# What stands above it in config/README.md is written by hand.
HERE = "<!-- From here on made by `make docs`, from irm_bench/config/schema.yaml. -->\n"


def columns(book: str) -> str:
    """The text of results/README.md."""
    return tables.document(tables.contracts(config.of_book(book)))


def with_keys(text: str) -> str:
    """The text of config/README.md with the keys that the schema knows."""
    written, _, _ = text.partition(HERE)
    return written + HERE + "\n" + "\n".join(_keys()) + "\n"


def with_costs(text: str) -> str:
    """The text of README.md with what the published runs cost."""
    return costs.in_readme(text, {book: _run(book) for book in known_books()})


def with_jobs(text: str) -> str:
    """The text of docs/cluster.md with the jobs of the default book's published run."""
    return costs.in_document(text, _run(config.DEFAULT_BOOK))


def _run(book: str) -> dict[str, Any]:
    run = comparison.about(published_of(find_book(book))).get("run")
    if not run:
        raise ValueError(
            f"the published run of {book!r} does not say what it cost: publish it anew"
        )
    return dict(run)


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
    """Write them."""
    archives.write_text(COLUMNS, columns(*arguments or [config.DEFAULT_BOOK]))
    for path, renewed in ((KEYS, with_keys), (COSTS, with_costs), (JOBS, with_jobs)):
        archives.write_text(path, renewed(path.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
