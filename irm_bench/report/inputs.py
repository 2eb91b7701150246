"""What the rule of the page reads besides tables and figures."""

import os
import sys
from pathlib import Path

from irm_bench.config import Config
from irm_bench.plugins import registry

PAGE = "results/report.html"
# A published run of the same config is compared with; how to cite the page is told in it.
PUBLISHED = ("results/published/about.json", "CITATION.cff")


def sources() -> list[str]:
    """Templates, stylesheet, scripts and the modules that make the page of them."""
    folders = (registry.PACKAGE / "report", registry.PACKAGE.parent / "report")
    found = {p for folder in folders for p in folder.rglob("*") if p.is_file()}
    found |= {registry.PACKAGE / "provenance.py", registry.PACKAGE / "verify.py"}
    return sorted(os.path.relpath(p) for p in found if "__pycache__" not in p.parts)


def published() -> list[str]:
    return [path for path in PUBLISHED if Path(path).exists()]


def baseline(config: Config) -> list[str]:
    """The former page to compare with, if there is to be one; ends the program if it is not there.

    Raises:
        SystemExit: with one line on what is wrong.
    """
    if not config.baseline:
        return []
    if Path(config.baseline).resolve() == Path(PAGE).resolve():
        why = "is the page to write: copy it to another name and compare with that"
    elif not Path(config.baseline).is_file():
        why = "is not there"
    else:
        return [config.baseline]
    print(f"error: the baseline {config.baseline} {why}", file=sys.stderr)
    sys.exit(1)
