"""Which source files a module stands on: itself, and what it imports, however far down.

They are read, not run, so that the workflow can be planned without loading torch. Imports inside
functions count as well. Plugins are loaded by name: their files have to be listed beside.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Imports of the package: ``from irm_bench.a import (b, c)`` and ``import irm_bench.a``. By a
# pattern, not a parser: it takes a tenth of the time, and the workflow is planned often.
IMPORT = re.compile(
    r"^[ \t]*(?:from (irm_bench[\w.]*) import (\([^)]*\)|[^\n]+)|import (irm_bench[\w.]*))",
    re.MULTILINE,
)


# Imports of a book's files from each other: ``from ..sems import mine``.
RELATIVE = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]+)", re.MULTILINE)


@cache
def sources(*modules: str) -> tuple[Path, ...]:
    """The files of the package that modules, named like ``stages.train``, stand on; sorted.

    Raises:
        FileNotFoundError: if there is no such module.
    """
    files = []
    for module in modules:
        file = _file(module.split("."))
        if file is None:
            raise FileNotFoundError(f"the package has no module {module!r}")
        files.append(file)
    return of_files(*files)


@cache
def of_files(*files: Path) -> tuple[Path, ...]:
    """Files, such as those of plugins, and what they import of the package and beside them."""
    found: set[Path] = set()
    queue = list(files)
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += _imported(path)
    return tuple(sorted(found))


def _file(parts: list[str]) -> Path | None:
    """The file of a module of the package, or of the package that a name is imported from."""
    return _module(PACKAGE, parts)


def _module(folder: Path, parts: list[str]) -> Path | None:
    place = folder.joinpath(*parts)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if parts and path.is_file():
            return path
    return None


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """The files that a file imports, and those of the packages around them."""
    text = path.read_text(encoding="utf-8")
    found: set[Path] = set()
    for name in _names(text):
        parts = name.split(".")
        for end in range(2, len(parts) + 1):
            file = _file(parts[1:end])
            if file is not None:
                found.add(file)
    for dots, module, names in RELATIVE.findall(text):
        folder = path.parents[len(dots) - 1]
        parts = [part for part in module.split(".") if part]
        for name in re.findall(r"\w+", names):
            for place in (parts, [*parts, name]):
                file = _module(folder, place)
                if file is not None:
                    found.add(file)
    return tuple(found)


def _names(text: str) -> Iterator[str]:
    """Every name of the package that is imported; of ``from a import b`` both a and a.b."""
    for module, names, plain in IMPORT.findall(text):
        if plain:
            yield plain
        for name in re.findall(r"\w+", re.sub(r"#[^\n]*", "", names)):
            yield f"{module}.{name}"
