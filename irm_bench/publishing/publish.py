"""``python -m irm_bench.publish``: keep a run's small tables and figures in results/published.

They are what ``irm_bench.verify`` compares a fresh run with, and what the README shows.
"""

import argparse
import json
import lzma
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

from irm_bench.running import provenance
from irm_bench.storage import archives

RESULTS, PUBLISHED = Path("results"), Path("results/published")
# Tables that are kept: these, the largest compressed. Of the others the checksum is.
KEPT = (
    *("claims", "claim_details", "printed", "coverage", "penalty_estimates", "starts"),
    *("histograms", "trajectory_summary"),
)
COMPRESSED = ("summary",)
FIGURES = ("risk_over_sigma",)
# What ``make benchmark`` wrote, if it was run.
BENCHMARK = ("benchmark.csv", "benchmark.svg")


def run(results: Path, published: Path) -> None:
    """Write ``about.json``, tables/ and figures/ of a finished run.

    Raises:
        FileNotFoundError: where the run is not finished.
    """
    told = json.loads((results / "provenance.json").read_text(encoding="utf-8"))["results"]
    for name in KEPT:
        text = (results / "tables" / f"{name}.csv").read_text(encoding="utf-8")
        archives.write_text(published / "tables" / f"{name}.csv", text)
    for name in COMPRESSED:
        packed = lzma.compress((results / "tables" / f"{name}.csv").read_bytes(), preset=6)
        archives.write_atomically(published / "tables" / f"{name}.csv.xz", partial(_put, packed))
    for name in FIGURES:
        svg = (results / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        archives.write_text(published / "figures" / f"{name}.svg", standalone(svg))
    for name in BENCHMARK:
        if (results / name).exists():
            archives.write_text(published / name, (results / name).read_text(encoding="utf-8"))
    archives.write_text(published / "about.json", provenance.as_text(about(told, results)))


def _put(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def about(told: dict[str, Any], results: Path) -> dict[str, Any]:
    """Which run it is: config, version, packages, platform, and the checksum of every table."""
    machine = provenance.host()
    kernel = " ".join(machine["os"].split()[::2])  # name and architecture, without its release
    sums = {p.stem: archives.digest(p) for p in sorted((results / "tables").glob("*.csv"))}
    return {
        "config_hash": told["config_hash"],
        "version": told["version"],
        "packages": told["packages"],
        "platform": {"cpu": machine["cpu"], "os": kernel, "python": machine["python"]},
        "tables": sums,
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
    parser = argparse.ArgumentParser(prog="python -m irm_bench.publish", description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("published", type=Path, nargs="?", default=PUBLISHED)
    given = parser.parse_args(arguments)
    try:
        run(given.results, given.published)
    except FileNotFoundError as error:
        print(f"error: {error.filename} is missing: finish a run first", file=sys.stderr)
        return 1
    print(f"The run is published in {given.published}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
