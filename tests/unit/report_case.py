"""A small run with every study that the page knows, for the tests of the page and its figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from irm_bench import config, judge, registry, report, tables
from irm_bench.config import Config
from irm_bench.report import drawing
from tests.unit import pipeline

ROOT = Path(__file__).parents[2]


def raw(**changes: Any) -> dict[str, Any]:
    """The smoke config over the default one, smaller still, with a set that diverges."""
    default, smoke = (
        yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
        for name in ("config", "smoke")
    )
    smaller = {"n_samples": 60, "n_test_samples": 60, "steps": 300, "seeds": 4}
    found = {**default, **smoke, "defaults": {**default["defaults"], **smaller}}
    found["figures"] = registry.names("figures")
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

    def render(self, config: Config | None = None, tables: Path | None = None) -> str:
        """The page, of these tables or of others with the figures drawn afresh."""
        output = self.figures.parent / "page.html"
        figures = None if config or tables else self.figures
        report.run(config or self.config, tables or self.tables, output, figures)
        return output.read_text(encoding="utf-8")


def build(folder: Path) -> Case:
    """Run the stages, judge, and draw the figures."""
    parsed = config.parse(raw())
    found = pipeline.run(raw(), folder)
    judge.run(parsed, found, found)
    for name in drawing.shown(parsed):
        drawing.run(parsed, name, found, folder / "figures")
    return Case(parsed, found, folder / "figures")


def altered(case: Case, folder: Path, name: str, change: Callable[[pd.DataFrame], Any]) -> Path:
    """The folder of the case's tables, copied, with one of them changed in place by ``change``."""
    contracts = tables.contracts(case.config)
    for path in case.tables.glob("*.csv"):
        frame = tables.read(path, contracts[path.stem])
        if path.stem == name:
            change(frame)
        tables.write(folder / path.name, frame, contracts[path.stem])
    return folder
