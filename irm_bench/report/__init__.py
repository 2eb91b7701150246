"""Stage 5: the tables → one self-contained HTML page, with its figures and its data inside."""

from pathlib import Path
from typing import Any

from irm_bench.config import Config


def run(
    config: Config,
    tables: Path | str,
    output: Path | str,
    figures: Path | str | None = None,
    published: Path | str | None = None,
    baseline: Path | str | None = None,
) -> None:
    """Write the page ``output`` from the folder ``tables``.

    ``figures`` is the folder of figures drawn before; without it they are drawn now. ``published``
    is the folder of a published run, and ``baseline`` a former page, to compare with.

    Raises:
        TableError: a table that is missing, damaged or lacks a row that the page speaks of; a
            baseline that is no page of this project.
    """
    from irm_bench.report import changes, page  # a figure's job needs none of it

    rest: dict[str, Any] = {
        "published": Path(published) if published and Path(published).is_dir() else None,
        "baseline": changes.load(Path(baseline)) if baseline else None,
    }
    if figures is None:
        return page.draw_and_run(config, Path(tables), Path(output), **rest)
    page.run(page.Sources(config, Path(tables), Path(figures), **rest), Path(output))
    return None
