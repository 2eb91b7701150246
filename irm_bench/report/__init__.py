"""Stage 5: the tables → one self-contained HTML page, with its figures and its data inside."""

from pathlib import Path

from irm_bench.config import Config


def run(
    config: Config, tables: Path | str, output: Path | str, figures: Path | str | None = None
) -> None:
    """Write the page ``output`` from the folder ``tables``.

    ``figures`` is the folder of figures drawn before; without it they are drawn now.

    Raises:
        TableError: a table that is missing, damaged or lacks a row that the page speaks of.
    """
    from irm_bench.report import page  # a figure's job needs none of it

    page.run(config, Path(tables), Path(output), None if figures is None else Path(figures))
