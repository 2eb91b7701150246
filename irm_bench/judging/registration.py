"""Which claims were fixed before the data: the rules, margins and config that a book registered.

``registration.json`` of a book holds a root seed, a hash of the studies, and one of each claim. It
is committed before the run under that root seed is made. A claim is *confirmatory* where the run
has this root seed, these studies and this claim; else *exploratory*: its rule may have been chosen
by one who had seen the numbers. A book that has registered nothing says neither.

    python -m irm_bench.judging.registration BOOK

writes the file for a book's present config and claims.
"""

import ast
import hashlib
import inspect
import json
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from irm_bench.config import Config, laid_over, parse
from irm_bench.plugins.registry import find_book
from irm_bench.storage import archives

FILE = "registration.json"
CONFIRMATORY, EXPLORATORY = "confirmatory", "exploratory"
# What of a claim's file decides nothing, and may be mended later.
WORDS = {"TITLE", "SOURCE", "SECTION", "TWIN", "sentence"}


@dataclass(frozen=True)
class Registration:
    """What a book has registered, and whether a run's root seed and studies are those."""

    claims: dict[str, str]
    is_registered_run: bool

    def status(self, claim: ModuleType) -> str:
        """``confirmatory``, ``exploratory``, or nothing where the book registers nothing."""
        if not self.claims:
            return ""
        name = claim.__name__.rpartition(".")[2]
        is_same = self.claims.get(name) == hash_of_claim(claim)
        return CONFIRMATORY if is_same and self.is_registered_run else EXPLORATORY


def of_config(config: Config) -> Registration:
    """The registration of a config's book, against this config."""
    path = config.book.file(FILE)
    if path is None:
        return Registration({}, False)
    registered = json.loads(path.read_text(encoding="utf-8"))
    is_same = registered["root_seed"] == config.root_seed
    is_same = is_same and registered["studies"] == hash_of_studies(config)
    return Registration(registered["claims"], is_same)


def hash_of_studies(config: Config) -> str:
    """A hash of the studies with every default written out: all that decides on the numbers but the
    root seed."""
    return _hash(config.resolved["studies"])


def hash_of_claim(claim: ModuleType) -> str:
    """A hash of a claim's constants, its rule and margins among them, and of its code but for the
    sentence."""
    source = inspect.getsource(claim)
    lines = source.splitlines(keepends=True)
    parts = {}
    for node in ast.parse(source).body:
        names = [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        for name in set(names) - WORDS:
            parts[name] = " ".join(_text_of(node, lines).split())
    return _hash(parts)


def _text_of(node: ast.stmt, lines: list[str]) -> str:
    """The text of a statement that begins its line; ``ast.get_source_segment`` splits the source
    anew for each."""
    assert node.end_lineno is not None
    *others, last = lines[node.lineno - 1 : node.end_lineno]
    return "".join([*others, last.encode()[: node.end_col_offset].decode()])


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def register(config: Config) -> dict[str, Any]:
    """What ``registration.json`` holds for a config."""
    return {
        "root_seed": config.root_seed,
        "studies": hash_of_studies(config),
        "claims": {claim.name: hash_of_claim(claim.load()) for claim in config.claims},
    }


def main(name: str) -> None:
    """Write the registration of a book into its folder."""
    book = find_book(name)
    text = json.dumps(register(parse(laid_over({"book": name}))), indent=2)
    archives.write_text(book.folder / FILE, text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
