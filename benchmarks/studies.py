"""What studies cost a book: ``python benchmarks/studies.py BOOK STUDY … [--config OVERLAY]``.

The stages from rows to diagnoses are run in one process, one thread, once without these studies and
once with all. Studies share rows, splits and batches, so what some of them cost is the difference,
less than what they would cost alone. The claims, figures and the page are not among what is timed.
"""

import argparse
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clock import timed
from irm_bench import config, library


def without(parsed: config.Config, left_out: Collection[str]) -> config.Config:
    """The config less some studies, and less all that tells of results."""
    raw = {name: value for name, value in parsed.resolved.items() if name != "printed"}
    raw |= {"claims": [], "figures": [], "sections": [], "lead": []}
    studies = [study for study in parsed.resolved["studies"] if study["name"] not in left_out]
    return config.parse(raw | {"studies": studies})


def cpu_seconds(parsed: config.Config) -> float:
    """Of the stages up to the diagnoses."""
    with tempfile.TemporaryDirectory() as folder:
        return float(timed(lambda: library.run_stages(parsed, Path(folder), until="diagnosis"))[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book")
    parser.add_argument("studies", nargs="+")
    parser.add_argument("--config", help="a YAML file that is laid over the book's own")
    given = parser.parse_args()
    torch.set_num_threads(1)
    overlay = config.read(given.config) if given.config else {}
    book_config = config.of_book(given.book, overlay)
    names = [study.name for study in book_config.studies]
    if unknown := sorted(set(given.studies) - set(names)):
        parser.error(f"no studies of {given.book}: {', '.join(unknown)}; it has {', '.join(names)}")
    others = cpu_seconds(without(book_config, given.studies))
    all_of_them = cpu_seconds(without(book_config, ()))
    print(f"without them {others:.0f} CPU s, with all {all_of_them:.0f} CPU s:")
    print(f"{1 - others / all_of_them:.0%} of the run")


if __name__ == "__main__":
    main()
