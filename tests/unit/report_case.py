"""A small run with every study that the page knows, for the tests of the page and its figures."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from irm_bench import config
from irm_bench.config import Config
from irm_bench.plugins.registry import find_book
from irm_bench.presentation import gallery
from irm_bench.stages import audit, draw, judge, report
from irm_bench.storage import tables
from tests.unit import pipeline

BOOK = find_book("notebook")

ROOT = Path(__file__).parents[2]


def raw(**changes: Any) -> dict[str, Any]:
    """The smoke config over the default one, smaller still, with a set that diverges."""
    default = config.laid_over({})
    smoke = config.read(ROOT / "config/smoke.yaml")
    smaller = {"n_samples": 60, "n_test_samples": 60, "steps": 300, "seeds": 4}
    found = {**default, **smoke, "defaults": {**default["defaults"], **smaller}}
    found["figures"] = BOOK.names("figures")
    found["audit"] = {"replicates": 20, "seed_counts": [3, 5]}
    for study in found["studies"]:
        if study["name"] == "sigma_grid_fixed_rate":
            study["train_sigmas"] = [[0.1, 1.0], [0.5, 4.0]]
    return found | changes


@dataclass(frozen=True)
class Case:
    """A config with its tables and figures."""

    config: Config
    tables: Path
    figures: Path

    def render(self, config: Config | None = None, **rest: Any) -> str:
        """The page, of this config or of one that differs in words or in what is left out."""
        output = self.figures.parent / "page.html"
        report.run(config or self.config, self.tables, output, self.figures, **rest)
        return output.read_text(encoding="utf-8")

    def render_altered(self, tables: Path, *figures: str) -> str:
        """The page of other tables, with these figures, drawn afresh."""
        output = tables / "page.html"
        report.run(
            replace(self.config, figures=tuple(BOOK.plugin("figures", name) for name in figures)),
            tables,
            output,
        )
        return output.read_text(encoding="utf-8")

    def without_figures(self, **changes: Any) -> str:
        """The page of a changed config, without figures: for what does not need them, fast."""
        return self.render(replace(self.config, figures=(), **changes))


def build(folder: Path) -> Case:
    """Run the stages, judge, and draw the figures."""
    parsed = config.parse(raw())
    found = pipeline.run(raw(), folder)
    audit.run(parsed, found)
    judge.run(parsed, found, found)
    draw.run(parsed, gallery.shown(parsed), found, folder / "figures")
    return of(folder)


def of(folder: Path) -> Case:
    """What ``build`` left in a folder."""
    return Case(config.parse(raw()), folder / "tables", folder / "figures")


def altered(case: Case, folder: Path, name: str, change: Callable[[pd.DataFrame], Any]) -> Path:
    """The folder of the case's tables, copied, with one of them changed in place by ``change``."""
    contracts = tables.contracts(case.config)
    for path in case.tables.glob("*.csv"):
        frame = tables.read(path, contracts[path.stem])
        frame = frame.astype(dict.fromkeys(frame.select_dtypes("category"), str))
        if path.stem == name:
            change(frame)
        tables.write(folder / path.name, frame, contracts[path.stem])
    return folder
