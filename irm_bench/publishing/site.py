"""``python -m irm_bench.publishing.site FOLDER``: a folder that any static host serves as it is.

index.html is the first page of the shelf: every book that has results, with its verdicts
(``shelf.py``); feed.xml tells of versions. A folder for each book: index.html (its page), tables/,
figures/ as SVG and PNG, provenance.json, and ro-crate-metadata.json, which describes all of it.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from irm_bench import config
from irm_bench.presentation import drawing, gallery
from irm_bench.presentation.places import project_file
from irm_bench.presentation.series import Looks
from irm_bench.publishing import crate, shelf
from irm_bench.publishing.publish import standalone
from irm_bench.running.places import RESULTS, config_of
from irm_bench.storage import archives, tables

HEADER = "<!--site-->"  # where a page has room for the site's header
BESIDE = ("CITATION.cff", "LICENSE")


def run(results: Path, folder: Path, books: Sequence[str] = ()) -> list[str]:
    """Write the site of a finished run, which leads to the shelf and its books; the paths in it.

    Raises:
        FileNotFoundError: where the run is not finished.
    """
    told = json.loads((results / "provenance.json").read_text(encoding="utf-8"))["results"]
    parsed = config_of(results)
    folder.mkdir(parents=True, exist_ok=True)
    text = (results / "report.html").read_text(encoding="utf-8")
    header = shelf.header(results.name, books) if books else ""
    archives.write_text(folder / "index.html", text.replace(HEADER, header, 1))
    shutil.copyfile(results / "provenance.json", folder / "provenance.json")
    for name in BESIDE:
        shutil.copyfile(project_file(name), folder / name)
    _tables(parsed, results / "tables", folder / "tables")
    _figures(parsed, results, folder / "figures")
    paths = sorted(p.relative_to(folder).as_posix() for p in _files(folder))
    crate.write(parsed, told, folder, paths)
    return [*paths, crate.FILE]


def _files(folder: Path) -> Iterable[Path]:
    hidden = (crate.FILE,)
    return (p for p in folder.rglob("*") if p.is_file() and p.name not in hidden)


def _tables(parsed: config.Config, source: Path, folder: Path) -> None:
    """Every table with its checksum, and what their columns mean."""
    folder.mkdir(exist_ok=True)
    for path in sorted([*source.glob("*.csv"), *source.glob("*.csv.sha256")]):
        shutil.copyfile(path, folder / path.name)
    archives.write_text(folder / "README.md", tables.document(tables.contracts(parsed)))


def _figures(parsed: config.Config, results: Path, folder: Path) -> None:
    """Every figure as SVG and as PNG, with the table that it draws."""
    folder.mkdir(exist_ok=True)
    for figure in gallery.shown(parsed):
        name = figure.name
        paths = gallery.paths(results / "figures", name)
        words = json.loads(paths["json"].read_text(encoding="utf-8"))
        if words["empty"]:
            continue
        svg = standalone(paths["svg"].read_text(encoding="utf-8"))
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        shutil.copyfile(paths["csv"], folder / f"{name}.csv")
        plugin = figure.load()
        data = plugin.data(tables.load(parsed, results / "tables", plugin.TABLES), parsed)
        drawing.save_png(drawing.plot(plugin, data, Looks(parsed)), folder / f"{name}.png")


def run_shelf(results: Path, folder: Path) -> list[str]:
    """Write the site of all books with a finished run: their names, in the order of the shelf.

    Raises:
        FileNotFoundError: where no book has one.
    """
    finished = sorted(path.parent for path in results.glob("*/provenance.json"))
    finished = [path for path in finished if (path / "report.html").exists()]
    if not finished:
        raise FileNotFoundError(2, "no finished run", str(results / "<book>/report.html"))
    for path in finished:
        run(path, folder / path.name, [other.name for other in finished])
    archives.write_text(folder / "index.html", shelf.render(finished))
    if shelf.versions():
        archives.write_text(folder / "feed.xml", shelf.feed())
    (folder / ".nojekyll").touch()  # GitHub Pages: serve the files as they are
    return [path.name for path in finished]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m irm_bench.publishing.site")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    try:
        names = run_shelf(given.results, given.folder)
    except FileNotFoundError as error:
        print(f"error: {error.filename} is missing: finish a run first", file=sys.stderr)
        return 1
    print(f"The site is in {given.folder}: {', '.join(names)}; index.html is its first page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
