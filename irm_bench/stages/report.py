"""Stage 8b: the tables → one self-contained HTML page, with its figures and its data inside."""

import tempfile
from pathlib import Path
from typing import Any

from irm_bench.config import Config
from irm_bench.presentation import gallery
from irm_bench.report import changes, page


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
    rest: dict[str, Any] = {
        "published": Path(published) if published and Path(published).is_dir() else None,
        "baseline": changes.load(Path(baseline)) if baseline else None,
    }
    if figures is None:
        _draw_and_write(config, Path(tables), Path(output), **rest)
    else:
        sources = page.Sources(config, Path(tables), Path(figures), **rest)
        page.write(sources, Path(output))


def _draw_and_write(config: Config, tables: Path, output: Path, **rest: Any) -> None:
    """Write the page with figures that are drawn for it and not kept."""
    from irm_bench.stages import draw  # loads matplotlib, which a page of drawn figures needs not

    with tempfile.TemporaryDirectory() as folder:
        draw.run(config, gallery.shown(config), tables, folder)
        page.write(page.Sources(config, tables, Path(folder), **rest), output)
