"""Finds plugins by folder: ``irm_bench/<kind>/<name>.py`` is the plugin ``name`` of that kind.

A plugin's metadata are the literal constants at the top of its file (LABEL, COLOR, NEEDS …). They
are read without importing it, so that the workflow can be planned without loading torch.
"""

import ast
import contextlib
import difflib
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).parents[1]
KINDS = ("sems", "penalties", "methods", "claims", "figures")


def _folder(kind: str) -> Path:
    return PACKAGE / ("books/notebook" if kind in ("claims", "figures") else "plugins") / kind


class UnknownPluginError(ValueError):
    """A name that no file of the folder bears."""


def names(kind: str) -> list[str]:
    """The known plugins of a kind, sorted."""
    return sorted(p.stem for p in _folder(kind).glob("*.py") if not p.stem.startswith("_"))


def path(kind: str, name: str) -> Path:
    """The source file of a plugin.

    Raises:
        UnknownPluginError: names the wrong name, the known ones and the closest of them.
    """
    known = names(kind)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownPluginError(
            f"{name!r} is not among the {kind} known: {', '.join(known)}{hint}"
            f" (a new one is a file irm_bench/{kind}/{name}.py)"
        )
    return _folder(kind) / f"{name}.py"


@cache
def load(kind: str, name: str) -> ModuleType:
    """Import a plugin."""
    path(kind, name)
    return importlib.import_module(
        ".".join(("irm_bench", *_folder(kind).relative_to(PACKAGE).parts, name))
    )


@cache
def metadata(kind: str, name: str) -> dict[str, Any]:
    """The literal constants of a plugin's file, read without running it."""
    constants: dict[str, Any] = {}
    for node in ast.parse(path(kind, name).read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=key)], value=value) if key.isupper():
                _keep_literal(constants, key, value)
            case ast.AnnAssign(target=ast.Name(id=key), value=ast.expr() as value) if key.isupper():
                _keep_literal(constants, key, value)
    return constants


def _keep_literal(constants: dict[str, Any], key: str, value: ast.expr) -> None:
    with contextlib.suppress(ValueError):  # a computed constant is no metadata
        constants[key] = ast.literal_eval(value)
