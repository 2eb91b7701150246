"""Stage 6: what theory says of a shard's models and rows, and the tables made of all shards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from irm_bench.config import Config
from irm_bench.diagnosis import converge, decomposition, estimators, starts
from irm_bench.planning.columns import ORDER
from irm_bench.storage import part_files, tables
from irm_bench.storage.handover import MomentStore, TrainedStore

STAGE = "diagnose"


def run(
    config: Config, shard: int, moments: Path | str, trained: Iterable[Path | str], output: Path
) -> None:
    """Write the shard's part of every table of the stage into the folder ``output``."""
    inputs = MomentStore(config, moments)
    models = TrainedStore(config, trained)
    makers = {
        "converged": converge.frames(config, models, inputs),
        "penalty_draws": estimators.frames(config, inputs, shard),
        "starts": starts.frames(config, shard),
    }
    for name, parts in makers.items():
        frame = pd.concat([pd.DataFrame(part) for part in parts] or [pd.DataFrame()])
        part_files.write(output / f"{name}.npz", STAGE, config.stage_hash, frame)


def merge(config: Config, parts: Sequence[Path | str], folder: Path | str) -> None:
    """Write the tables of all shards, and their summaries, into the folder of tables."""
    contracts = tables.contracts(config)
    summaries: dict[str, list[pd.DataFrame]] = defaultdict(list)

    def pieces(name: str) -> Iterator[pd.DataFrame]:
        paths = [Path(part) / f"{name}.npz" for part in parts]
        keys = [*ORDER, "estimator", "seed"]
        for piece in part_files.merged(paths, STAGE, config.stage_hash, keys):
            if name == "converged":
                summaries["decomposition"].append(decomposition.summary(config, piece))
            if name == "penalty_draws":
                summaries["penalty_estimates"].append(estimators.summary(config, piece))
            yield piece.reindex(columns=contracts[name].names)

    for name in tables.parts(config, STAGE):
        tables.write_pieces(Path(folder) / f"{name}.csv", pieces(name), contracts[name])
    for name in ("decomposition", "penalty_estimates"):
        whole = pd.concat(summaries[name] or [pd.DataFrame()], ignore_index=True)
        whole = whole.reindex(columns=contracts[name].names)
        tables.write(Path(folder) / f"{name}.csv", whole, contracts[name])
