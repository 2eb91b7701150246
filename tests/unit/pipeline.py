"""The stages in one process, without Snakemake."""

from pathlib import Path
from typing import Any

from irm_bench import config, library

SMALL: dict[str, Any] = {
    "title": "Small",
    "root_seed": 3,
    "defaults": {
        "train_sigmas": [[0.2, 1.0]],
        "test_environments": [{"sigma": [0.1, 1.0]}],
        "n_samples": 60,
        "n_test_samples": 80,
        "steps": 700,
        "seeds": 4,
    },
    "studies": [
        {
            "name": "main",
            "trajectories": True,
            "methods": [
                {"name": "erm", "monitor": "split_half"},
                {"name": "irm", "penalty": "split_half"},
                {"name": "irm", "penalty": "u_statistic"},
                {"name": "oracle"},
            ],
        },
        {
            "name": "grid",
            "train_sigmas": [[0.2, 1.0], [0.2, 0.5, 1.0], [0.2, 4.0]],
            "methods": [{"name": "irm", "penalty": "split_half"}, {"name": "erm"}],
            "seeds": 2,
        },
    ],
}


def run(raw: dict[str, Any], folder: Path) -> Path:
    """Run the stages of a raw config up to the diagnosis; the folder of the tables."""
    return library.run_stages(config.parse(raw), folder, until="diagnosis")
