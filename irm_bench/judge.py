"""Stage 5: the tables of results → what they say of the notebook."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from irm_bench import printed, tables
from irm_bench.config import Config
from irm_bench.evidence import Evidence

# The tables that claims look at.
TABLES = ("models", "errors", "trajectories", "environments")


def run(config: Config, folder: Path | str, output: Path | str) -> None:
    """Read the results from ``folder`` and write the judged tables into ``output``."""
    contracts = tables.contracts(config)
    found = {name: tables.read(Path(folder) / f"{name}.csv", contracts[name]) for name in TABLES}
    for name, frame in judged(Evidence(config, found)).items():
        tables.write(Path(output) / f"{name}.csv", frame, contracts[name])


def judged(evidence: Evidence) -> Mapping[str, pd.DataFrame]:
    """The judged tables by name."""
    return {"printed": printed.compare(evidence)}
