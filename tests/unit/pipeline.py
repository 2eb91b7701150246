"""The stages in one process, without Snakemake."""

from pathlib import Path
from typing import Any

from irm_bench import config
from irm_bench.planning import plan
from irm_bench.stages import aggregate, diagnose, evaluate, simulate, train

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
    """Run all stages of a raw config; the folder of the tables."""
    parsed = config.parse(raw)
    parts, diagnoses = [], []
    for shard in range(plan.n_shards(parsed)):
        moments = folder / "moments" / f"{shard}.npz"
        simulate.run(parsed, shard, moments)
        trained = [folder / "trained" / g / f"{shard}.npz" for g in plan.groups(parsed)]
        for group, path in zip(plan.groups(parsed), trained, strict=True):
            train.run(parsed, group, shard, moments, path)
        part = folder / "parts" / str(shard)
        evaluate.run(parsed, shard, moments, trained, part)
        parts.append(part)
        diagnoses.append(folder / "diagnosis" / str(shard))
        diagnose.run(parsed, shard, moments, trained, diagnoses[-1])
    aggregate.run(parsed, parts, folder / "tables")
    diagnose.merge(parsed, diagnoses, folder / "tables")
    return folder / "tables"
