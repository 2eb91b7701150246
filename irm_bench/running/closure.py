"""Which source files a module or a plugin stands on: itself, and what it imports, however far down.

They are read, not run, so that the workflow can be planned without loading torch. Imports inside
functions count as well, and texts that name a function of the package (``HESSIAN``). Plugins are
loaded by name, which no import tells: rules list those of their config beside.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Imports of the package or relative ones, as lines: ``from irm_bench.a import (b, c)``,
# ``from ..a import b``, ``import irm_bench.a``. By a pattern, not a parser: it takes a tenth of the
# time, and the workflow is planned often.
IMPORT = re.compile(
    r"^[ \t]*(?:from ((?:irm_bench|\.)[\w.]*) import (\([^)]*\)|[^\n]+)|import (irm_bench[\w.]*))",
    re.MULTILINE,
)
# The function of a module, named in a text.
REFERENCE = re.compile(r"[\"'](irm_bench(?:\.\w+)+):\w+[\"']")


@cache
def sources(*modules: str) -> tuple[Path, ...]:
    """The files that modules of the package, named like ``stages.train``, stand on; sorted.

    Raises:
        FileNotFoundError: if there is no such module.
    """
    starts: list[Path] = []
    for module in modules:
        parts = tuple(module.split("."))
        if _file(PACKAGE, parts) is None:
            raise FileNotFoundError(f"the package has no module {module!r}")
        starts += _files(PACKAGE, parts)
    return of_files(*starts)


@cache
def of_files(*starts: Path) -> tuple[Path, ...]:
    """Files, of the package or of a book elsewhere, with all that they stand on; sorted."""
    found: set[Path] = set()
    queue = list(starts)
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += _imported(path)
    return tuple(sorted(found))


def _files(folder: Path, parts: tuple[str, ...]) -> list[Path]:
    """The file of a module, and those of the packages around it."""
    found = (_file(folder, parts[:end]) for end in range(1, len(parts) + 1))
    return [path for path in found if path is not None]


@cache  # most files import the same few
def _file(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The file of a module below a folder; None if it is no module, but a name in one."""
    place = folder.joinpath(*parts)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if parts and path.is_file():
            return path
    return None


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """The files of its project that a file imports; those of the packages around them too."""
    found: set[Path] = set()
    for folder, parts in _names(path):
        found.update(_files(folder, parts))
    return tuple(found)


def _names(path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """What a file imports: of ``from a import b`` both a and a.b, each below its folder."""
    text = path.read_text(encoding="utf-8")
    for module, names, plain in IMPORT.findall(text):
        if plain:
            yield _place(path, plain)
        dot = "" if module.endswith(".") else "."
        for name in re.findall(r"\w+", re.sub(r"#[^\n]*", "", names)):
            yield _place(path, f"{module}{dot}{name}")
    for module in REFERENCE.findall(text):
        yield _place(path, module)


def _place(path: Path, name: str) -> tuple[Path, tuple[str, ...]]:
    """A dotted name that a file speaks of: below which folder it is, and its parts."""
    parts = tuple(part for part in name.split(".") if part)
    n_dots = len(name) - len(name.lstrip("."))
    if n_dots:
        return path.parents[n_dots - 1], parts
    return PACKAGE, parts[1:]
