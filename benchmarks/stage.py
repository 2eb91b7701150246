"""Run one stage of a raw config (JSON) in a folder, and print the peak memory of it in MB.

``python -m benchmarks.stage simulate '{"title": …}' folder``
"""

import json
import resource
import sys
from pathlib import Path

from irm_bench import config, plan


def run(stage: str, parsed: config.Config, folder: Path) -> None:
    """The stages import what they need, as the workflow's jobs do."""
    groups = plan.groups(parsed)
    moments = folder / "moments.npz"
    trained = [folder / f"{group}.npz" for group in groups]
    parts = folder / "parts"
    if stage == "simulate":
        from irm_bench import simulate

        simulate.run(parsed, 0, moments)
    elif stage == "train":
        from irm_bench import train

        for group, path in zip(groups, trained, strict=True):
            train.run(parsed, group, 0, moments, path)
    elif stage == "evaluate":
        from irm_bench import evaluate

        evaluate.run(parsed, 0, moments, trained, parts)
    else:
        from irm_bench import aggregate

        aggregate.run(parsed, [parts], folder / "tables")


if __name__ == "__main__":
    stage, raw, folder = sys.argv[1:]
    run(stage, config.parse(json.loads(raw)), Path(folder))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
