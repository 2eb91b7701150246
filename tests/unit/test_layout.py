"""The folders of the package: each import goes one way between them, and none comes back."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from irm_bench.running import closure


def room(path: Path) -> str:
    """The folder of the package that a file is in; modules at the top are rooms of their own."""
    parts = path.relative_to(closure.PACKAGE).parts
    return parts[0].removesuffix(".py")


def test_no_folders_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in closure.PACKAGE.rglob("*.py"):
        here = room(path)
        if here in ("__init__", "books"):  # books stand on everything, and nothing on them
            continue
        graph.setdefault(here, set())
        for imported in closure._imported(path):
            there = room(imported)
            assert there != "books", f"{path} imports a book"
            if there not in (here, "__init__"):
                graph[here].add(there)
    # plugins are two rooms: what finds them, and the files themselves, which the engine serves
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(f"folders import each other: {error.args[1]}") from error
    assert order.index("engine") < order.index("stages") < order.index("library")
