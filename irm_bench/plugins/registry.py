"""Finds plugins by folder: ``<folder>/<kind>/<name>.py`` is the plugin ``name`` of that kind.

A *book* is a folder with a config, claims, figures and whatever plugins it brings; its own are
found before those of the package. Books of the project stand in ``irm_bench/books``; a book may
stand anywhere. Its files are code that runs: only a folder that the user names as a book is one.

A plugin's metadata are the literal constants at the top of its file (LABEL, COLOR, NEEDS …). They
are read without importing it, so that the workflow can be planned without loading torch.
"""

import ast
import difflib
import hashlib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from irm_bench.errors import PluginError

PACKAGE = Path(__file__).parents[1]
BOOKS = PACKAGE / "books"
SHARED = PACKAGE / "plugins"
# What a plugin can be; claims and figures are of a book alone.
KINDS = (
    "sems",
    "losses",
    "methods",
    "penalties",
    "optimisers",
    "selection",
    "claims",
    "figures",
)
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Folders of results/ that are no book's.
TAKEN = ("published", "site")


class UnknownPluginError(ValueError):
    """A name that no file of the folder bears."""


class BookError(ValueError):
    """A book that is not there, or that cannot be one: says what is wrong with it."""


@dataclass(frozen=True)
class Plugin:
    """A plugin by its file; as a text, its name."""

    kind: str
    name: str
    path: Path

    def __str__(self) -> str:
        return self.name

    def load(self) -> ModuleType:
        """Import it.

        Raises:
            PluginError: the file cannot be imported.
        """
        return _imported(self)

    @property
    def metadata(self) -> dict[str, Any]:
        """The literal constants of its file, read without running it.

        Beside them stand FUNCTIONS, the names of its functions, and COMPUTED, those of its
        constants whose values are no literals.
        """
        return _metadata(self.path)

    def get(self, constant: str, default: Any = None) -> Any:
        """One of the literal constants."""
        return self.metadata.get(constant, default)


@dataclass(frozen=True)
class Book:
    """A folder of claims, figures, sections and plugins, with the config of its studies.

    ``brought`` are files of methods from elsewhere, that a user wants beside the book's.
    """

    name: str
    folder: Path
    brought: tuple[Path, ...] = ()

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def folders(self, kind: str) -> tuple[Path, ...]:
        """Where plugins of a kind are looked for, the book's own folder first."""
        return (self.folder / kind, SHARED / kind)

    def names(self, kind: str) -> list[str]:
        """The known plugins of a kind, sorted."""
        found: set[str] = set()
        for folder in self.folders(kind):
            if folder.is_dir():  # listed by name: a run asks for this some thousand times
                files = [name for name in os.listdir(folder) if name.endswith(".py")]
                found |= {name[: -len(".py")] for name in files if name[0] not in "._"}
        if kind == "methods":
            found |= {path.stem for path in self.brought}
        return sorted(found)

    def plugin(self, kind: str, name: str) -> Plugin:
        """A plugin by its name.

        Raises:
            UnknownPluginError: names the wrong name, the known ones and the closest of them.
        """
        known = self.names(kind)
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise UnknownPluginError(
                f"{name!r} is not among the {kind} known: {', '.join(known)}{hint}"
                f" (a new one is a file {kind}/{name}.py of the book)"
            )
        paths = [folder / f"{name}.py" for folder in self.folders(kind)]
        if kind == "methods":
            paths += [path for path in self.brought if path.stem == name]
        return Plugin(kind, name, next(path for path in paths if path.is_file()))

    def file(self, name: str) -> Path | None:
        """A file of the book's folder; None if there is none."""
        path = self.folder / name
        return path if path.is_file() else None

    def files(self, *patterns: str) -> list[Path]:
        """The files of the book's folder that patterns match, sorted; hidden ones are left out."""
        found: set[Path] = set()
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                parts = path.relative_to(self.folder).parts
                if path.is_file() and not any(part[0] in "._" for part in parts):
                    found.add(path)
        return sorted(found)

    def own_files(self) -> list[Path]:
        """Everything of the folder that is the book's, whatever else stands in it."""
        kinds = [f"{kind}/*.py" for kind in KINDS]
        return self.files("*.yaml", "*.csv", "*.py", "sections/*", "scripts/*", "data/**/*", *kinds)

    def module(self, name: str) -> ModuleType | None:
        """A module ``name.py`` of the book's folder; None if there is none."""
        if self.file(f"{name}.py") is None:
            return None
        return importlib.import_module(f"{_package_of(self.folder)}.{name}")


def known_books() -> list[str]:
    """The names of the project's own books."""
    return sorted(path.parent.name for path in BOOKS.glob("*/config.yaml"))


def find_book(name: str) -> Book:
    """The project's book of a name, or the book in a folder.

    Raises:
        BookError: there is none, it has no config, or its name is not one that a book may have.
    """
    known = known_books()
    if name in known:
        return Book(name, BOOKS / name)
    folder = Path(name).expanduser().resolve()
    if not folder.is_dir():
        raise BookError(
            f"book {name!r} is neither a folder nor a book of the project: {', '.join(known)}"
        )
    if not (folder / "config.yaml").is_file():
        raise BookError(f"book {name!r}: the folder has no config.yaml")
    if not NAME.fullmatch(folder.name):
        raise BookError(
            f"book {name!r}: its folder's name {folder.name!r} becomes a folder of results; "
            "allowed are small letters, digits and underscores, a letter first"
        )
    if folder.name in TAKEN:
        raise BookError(
            f"book {name!r}: results/{folder.name} is not for a book's results; rename the folder"
        )
    if folder.name in known and folder != BOOKS / folder.name:
        raise BookError(
            f"book {name!r}: {folder.name!r} is the name of a book of the project already, and "
            "their results would share a folder; rename the folder"
        )
    return Book(folder.name, folder)


def with_plugins(book: Book, places: Sequence[str]) -> Book:
    """A book with methods from elsewhere: files, or folders of files.

    A folder of a book is one too: its ``methods`` are taken.

    Raises:
        BookError: nothing is there, no method is, or a name is taken or is no name.
    """
    brought: dict[str, Path] = {}
    for place in places:
        for path in _method_files(place):
            if not NAME.fullmatch(path.stem):
                raise BookError(
                    f"{place!r}: {path.name} cannot name a method; allowed are small letters, "
                    "digits and underscores, a letter first"
                )
            if path.stem in book.names("methods") or path.stem in brought:
                raise BookError(
                    f"{place!r}: a method {path.stem!r} is there already; rename {path.name}"
                )
            brought[path.stem] = path
    return replace(book, brought=tuple(brought.values()))


def _method_files(place: str) -> list[Path]:
    """The files of methods in a place."""
    path = Path(place).expanduser().resolve()
    if path.is_file() and path.suffix == ".py":
        return [path]
    if not path.is_dir():
        raise BookError(
            f"{place!r} is neither a folder nor a file of Python; allowed is a method's file, a "
            "folder of them, or a book's folder"
        )
    folder = path / "methods" if (path / "methods").is_dir() else path
    found = [file for file in sorted(folder.glob("*.py")) if not file.stem.startswith("_")]
    if not found:
        raise BookError(f"{place!r}: the folder {folder.name} has no file of Python in it")
    return found


def _package_of(folder: Path) -> str:
    """The importable package of a folder of plugins, of the project or of a book elsewhere."""
    if PACKAGE in folder.parents:
        return ".".join((PACKAGE.name, *folder.relative_to(PACKAGE).parts))
    name = f"irm_bench_book_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        package = ModuleType(name, f"The book in {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package  # its files import each other as ``from ..sems import mine``
    return name


@cache
def _imported(plugin: Plugin) -> ModuleType:
    if plugin.path.parent.name == plugin.kind:
        name = f"{_package_of(plugin.path.parents[1])}.{plugin.kind}.{plugin.name}"
    else:  # a file that a user brings, wherever it stands
        name = f"{_package_of(plugin.path.parent)}.{plugin.name}"
    try:
        return importlib.import_module(name)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{plugin.path} cannot be imported: {what}") from error


@cache
def _metadata(path: Path) -> dict[str, Any]:
    constants: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=key)], value=value) if key.isupper():
                _keep_literal(constants, key, value)
            case ast.AnnAssign(target=ast.Name(id=key), value=ast.expr() as value) if key.isupper():
                _keep_literal(constants, key, value)
            case ast.FunctionDef(name=key):
                constants.setdefault("FUNCTIONS", set()).add(key)
    return constants


def _keep_literal(constants: dict[str, Any], key: str, value: ast.expr) -> None:
    try:
        constants[key] = ast.literal_eval(value)
    except ValueError:
        constants.setdefault("COMPUTED", set()).add(key)
