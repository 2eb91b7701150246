"""``python -m irm_bench.report extract PAGE FOLDER``: the data of a page, from its HTML alone."""

import argparse
import sys
from pathlib import Path

from irm_bench.report import bundle
from irm_bench.storage.archives import StageError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m irm_bench.report", description=__doc__)
    parser.add_argument("action", choices=["extract"])
    parser.add_argument("page", type=Path, help="a report of this project, e.g. report.html")
    parser.add_argument("folder", type=Path, help="where the files go")
    given = parser.parse_args(arguments)
    try:
        absent = bundle.extract(bundle.open_page(given.page), given.folder)
    except (OSError, StageError, bundle.PackageError) as error:
        print(f"error: {given.page}: {error}", file=sys.stderr)
        return 1
    print(f"The data of {given.page} are in {given.folder}")
    for item in absent:
        print(f"too large for the page: {item.name}.csv, {item.rows:,} rows, {item.size:,} bytes")
        print(f"  sha256 {item.sha256}; in results/tables after a run, or beside a published page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
