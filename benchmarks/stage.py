"""Run one stage of a raw config (JSON) in a folder, and print the peak memory of it in MB.

``python -m benchmarks.stage simulate '{"title": …}' folder``
"""

import json
import re
import resource
import sys
from pathlib import Path

from irm_bench import config, plan


def run(stage: str, parsed: config.Config, folder: Path) -> None:
    """All shards, one after the other; a stage imports what it needs, as the workflow's jobs do."""
    shards = range(plan.n_shards(parsed))
    if stage == "aggregate":
        from irm_bench import aggregate

        aggregate.run(parsed, [folder / f"{shard}" for shard in shards], folder / "tables")
    for shard in shards:
        run_shard(stage, parsed, folder, shard)


def run_shard(stage: str, parsed: config.Config, folder: Path, shard: int) -> None:
    moments = folder / f"moments.{shard}.npz"
    trained = {group: folder / f"{group}.{shard}.npz" for group in plan.groups(parsed)}
    if stage == "simulate":
        from irm_bench import simulate

        simulate.run(parsed, shard, moments)
    elif stage == "train":
        from irm_bench import train

        for group, path in trained.items():
            train.run(parsed, group, shard, moments, path)
    elif stage == "evaluate":
        from irm_bench import evaluate

        evaluate.run(parsed, shard, moments, trained.values(), folder / f"{shard}")


def peak() -> float:
    """Peak resident memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere the peak of the process that started this one may count
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    stage, raw, folder = sys.argv[1:]
    run(stage, config.parse(json.loads(raw)), Path(folder))
    print(peak())
