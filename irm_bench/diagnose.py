"""Stage 3b: what theory says of a shard's models and rows, and the tables made of all shards."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from irm_bench import evaluate, frames, tables
from irm_bench.config import Config
from irm_bench.diagnosis import converge, decomposition, estimators, starts
from irm_bench.seeds import generator
from irm_bench.simulate import MomentStore
from irm_bench.trained import TrainedStore

STAGE = "diagnose"
PARTS = ("converged", "penalty_draws", "starts")


def run(
    config: Config, shard: int, moments: Path | str, trained: Iterable[Path | str], output: Path
) -> None:
    """Write the shard's part of every table of ``PARTS`` into the folder ``output``."""
    inputs = MomentStore(config, moments)
    models = TrainedStore(config, trained)
    makers = {
        "converged": converge.frames(config, models, inputs),
        "penalty_draws": estimators.frames(config, inputs, shard),
        "starts": starts.frames(config, shard),
    }
    for name, parts in makers.items():
        frame = pd.concat([pd.DataFrame(part) for part in parts] or [pd.DataFrame()])
        frames.write(output / f"{name}.npz", STAGE, config.stage_hash, frame)


def merge(config: Config, parts: Sequence[Path | str], folder: Path | str) -> None:
    """Write the tables of all shards, and their summaries, into the folder of tables.

    ``folder`` holds the table ``models`` already.
    """
    contracts = tables.contracts(config)
    read = partial(frames.read, stage=STAGE, config_hash=config.stage_hash)
    keys = [*evaluate.ORDER, "estimator", "seed"]
    found = {
        name: tables.merge((read(Path(p) / f"{name}.npz") for p in parts), keys, contracts[name])
        for name in PARTS
    }
    models = tables.read(Path(folder) / "models.csv", contracts["models"])
    rng = generator(config.root_seed, role="bootstrap", table="penalty_estimates")
    found["decomposition"] = decomposition.summary(config, models, found["converged"])
    found["penalty_estimates"] = estimators.summary(found["penalty_draws"], rng)
    for name, frame in found.items():
        whole = frame.reindex(columns=contracts[name].names)
        tables.write(Path(folder) / f"{name}.csv", whole, contracts[name])
