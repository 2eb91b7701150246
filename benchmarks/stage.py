"""Run one stage of a raw config (JSON) in a folder; print its peak memory (MB) and CPU seconds.

``python -m benchmarks.stage simulate '{"title": …}' folder``
"""

import json
import re
import resource
import sys
import time
from pathlib import Path

from irm_bench import config
from irm_bench.planning import plan

# Stages that read what all shards left, in their order.
WHOLE = ("aggregate", "diagnosis", "judge", "figures", "report")


def run(stage: str, parsed: config.Config, folder: Path) -> None:
    """All shards, one after the other; a stage imports what it needs, as the workflow's jobs do."""
    if stage in WHOLE:
        run_whole(stage, parsed, folder)
    else:
        for shard in range(plan.n_shards(parsed)):
            run_shard(stage, parsed, folder, shard)


def run_whole(stage: str, parsed: config.Config, folder: Path) -> None:
    """A stage that reads what all shards left."""
    tables, figures = folder / "tables", folder / "figures"
    if stage == "aggregate":
        from irm_bench.stages import aggregate

        aggregate.run(parsed, list((folder / "parts").iterdir()), tables)
    elif stage == "diagnosis":
        from irm_bench.stages import diagnose

        diagnose.merge(parsed, list((folder / "diagnosis").iterdir()), tables)
    elif stage == "judge":
        from irm_bench.stages import judge

        judge.run(parsed, tables, tables)
    elif stage == "figures":
        from irm_bench.presentation import gallery
        from irm_bench.stages import draw

        draw.run(parsed, gallery.shown(parsed), tables, figures)
    elif stage == "report":
        from irm_bench.stages import report

        report.run(parsed, tables, folder / "report.html", figures)


def run_shard(stage: str, parsed: config.Config, folder: Path, shard: int) -> None:
    moments = folder / f"moments.{shard}.npz"
    trained = {group: folder / f"{group}.{shard}.npz" for group in plan.groups(parsed)}
    if stage == "simulate":
        from irm_bench.stages import simulate

        simulate.run(parsed, shard, moments)
    elif stage == "train":
        from irm_bench.stages import train

        for group, path in trained.items():
            train.run(parsed, group, shard, moments, path)
    elif stage == "evaluate":
        from irm_bench.stages import evaluate

        parts = folder / "parts" / f"{shard}"
        evaluate.run(parsed, shard, moments, trained.values(), parts)
    elif stage == "diagnose":
        from irm_bench.stages import diagnose

        diagnoses = folder / "diagnosis" / f"{shard}"
        diagnose.run(parsed, shard, moments, trained.values(), diagnoses)


def peak() -> float:
    """Peak resident memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere the peak of the process that started this one may count
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    stage, raw, folder = sys.argv[1:]
    run(stage, config.parse(json.loads(raw)), Path(folder))
    print(peak(), time.process_time())
