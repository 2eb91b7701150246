"""What the rule of the page reads besides tables and figures."""

import sys
from pathlib import Path

from irm_bench.config import Config
from irm_bench.presentation.places import page_sources
from irm_bench.report import citation
from irm_bench.running import closure
from irm_bench.running.places import published_of, results_of
from irm_bench.storage import comparison
from irm_bench.storage.archives import StageError


def of_page(config: Config) -> list[Path]:
    """Templates, stylesheet and scripts, those of the book too, and its exhibits."""
    shared = [path for path in page_sources().rglob("*") if path.is_file()]
    own = config.book.files("sections/*.j2", "scripts/*.js")
    exhibits = closure.of_files(*config.book.files("exhibits.py"))
    return sorted([*shared, *own, *exhibits])


def folder_of_published(config: Config) -> Path:
    """Where a published run of the book is kept."""
    return published_of(config.book)


def published(config: Config) -> list[Path]:
    """A published run that is compared with, and how to cite the page."""
    folder = folder_of_published(config)
    paths = (folder / "about.json", folder / comparison.SEALS, citation.FILE)
    return [path for path in paths if path.exists()]


def baseline(config: Config) -> list[str]:
    """The former page to compare with, if there is to be one; ends the program if it is not there.

    Raises:
        SystemExit: with one line on what is wrong.
    """
    if not config.baseline:
        return []
    baseline = f"the baseline {config.baseline}"
    page = results_of(config.book) / "report.html"
    if Path(config.baseline).resolve() == page.resolve():
        why = f"{baseline} is the page to write: copy it to another name and compare with that"
    elif not Path(config.baseline).is_file():
        why = f"{baseline} is not there"
    else:
        why = _why_not(Path(config.baseline))
    if why:
        print(f"error: {why}", file=sys.stderr)
        sys.exit(1)
    return [config.baseline]


def _why_not(baseline: Path) -> str:
    """Why a file is no page to compare with; empty if it is one."""
    from irm_bench.report import changes  # planning does without pandas

    try:
        changes.load(baseline)
    except StageError as error:
        return str(error)
    return ""
