"""``python -m irm_bench.publishing.publish [BOOK]``: keep a run's small tables and figures.

They go to results/published/<book>: what ``publishing.verify`` compares a fresh run with, and what
the README shows. A table is kept whole, compressed, or as sums over blocks, as its contract says;
SHA256SUMS seals all of them.
"""

import argparse
import json
import lzma
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from irm_bench.config import DEFAULT_BOOK, Config
from irm_bench.plugins.registry import BookError, find_book
from irm_bench.publishing import costs
from irm_bench.running import provenance
from irm_bench.running.places import config_of, published_of, results_of
from irm_bench.storage import archives, block_sums, comparison, tables
from irm_bench.storage.contracts import COMPRESSED, WHOLE

# What the benchmarks wrote, if they were run.
BENCHMARK = ("benchmark.csv", "benchmark.svg", "many_seeds.csv")


def run(results: Path, published: Path) -> None:
    """Write ``about.json``, tables/ and figures/ of a finished run in place of a former one.

    Raises:
        FileNotFoundError: where the run is not finished.
    """
    told = json.loads((results / "provenance.json").read_text(encoding="utf-8"))["results"]
    parsed = config_of(results)
    for folder in ("tables", "figures"):
        shutil.rmtree(published / folder, ignore_errors=True)
    for contract in tables.contracts(parsed).values():
        source = results / "tables" / f"{contract.name}.csv"
        target = published / "tables" / source.name
        if contract.kept == WHOLE:
            archives.write_text(target, source.read_text(encoding="utf-8"))
        elif contract.kept == COMPRESSED:
            packed = lzma.compress(source.read_bytes(), preset=6)
            archives.write_bytes(f"{target}.xz", packed)
        else:
            sums = block_sums.of_table(source).to_csv(index=False, float_format="%.12g")
            archives.write_text(target.with_suffix(comparison.SUMS), sums)
    _keep_figure(parsed, results / "figures", published / "figures")
    archives.write_text(published / "about.json", provenance.as_text(about(told, parsed, results)))
    comparison.seal(published)


def _keep_figure(parsed: Config, figures: Path, folder: Path) -> None:
    """The figure of the first screen, as a picture of its own."""
    drawn = [name for name in parsed.lead if (figures / f"{name}.svg").exists()]
    for name in drawn[:1]:
        svg = (figures / f"{name}.svg").read_text(encoding="utf-8")
        archives.write_text(folder / f"{name}.svg", standalone(svg))


def keep_benchmark(results: Path, published: Path) -> None:
    """Publish the last benchmark, if there is one."""
    for name in BENCHMARK:
        if (results / name).exists():
            text = (results / name).read_text(encoding="utf-8")
            archives.write_text(published / name, text)


def about(told: dict[str, Any], parsed: Config, results: Path) -> dict[str, Any]:
    """Which run it is: config, version, packages, platform, the checksum of every table; and what
    it cost."""
    machine = provenance.host()
    kernel = " ".join(machine["os"].split()[::2])  # name and architecture, without its release
    sums = {p.stem: archives.digest(p) for p in sorted((results / "tables").glob("*.csv"))}
    return {
        "config_hash": told["config_hash"],
        "version": told["version"],
        "packages": told["packages"],
        "platform": {"cpu": machine["cpu"], "os": kernel, "python": machine["python"]},
        "tables": sums,
        "run": costs.of_run(parsed, results),
    }


def standalone(svg: str) -> str:
    """A figure of the page as a picture of its own: sized, black on white."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if box is None:
        raise ValueError("a figure without viewBox")
    sized = f'<svg width="{box[1]}pt" height="{box[2]}pt" color="#010203" '
    paper = '\n<rect width="100%" height="100%" fill="#ffffff"/>'
    return re.sub(r"</desc>", f"</desc>{paper}", svg.replace("<svg ", sized, 1), count=1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m irm_bench.publishing.publish")
    parser.add_argument("book", nargs="?", default=DEFAULT_BOOK, help="a book's name or folder")
    given = parser.parse_args(arguments)
    try:
        book = find_book(given.book)
        run(results_of(book), published_of(book))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"error: {error.filename} is missing: finish a run first", file=sys.stderr)
        return 1
    keep_benchmark(results_of(book).parent, published_of(book).parent)
    print(f"The run is published in {published_of(book)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
