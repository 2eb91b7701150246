"""Stage 3b: what theory says of a shard's models and rows, and the tables made of all shards."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from irm_bench import converge, decomposition, estimators, evaluate, starts, store, tables
from irm_bench.config import Config
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
        store.write_frame(output / f"{name}.npz", STAGE, config.stage_hash, frame)


def merge(config: Config, parts: Sequence[Path | str], folder: Path | str) -> None:
    """Write the tables of all shards, and their summaries, into the folder of tables.

    ``folder`` holds the table ``models`` already.
    """
    contracts = tables.contracts(config)
    found = {name: _whole(config, parts, name, contracts[name]) for name in PARTS}
    models = tables.read(Path(folder) / "models.csv", contracts["models"])
    rng = generator(config.root_seed, role="bootstrap", table="penalty_estimates")
    found["decomposition"] = decomposition.summary(config, models, found["converged"])
    found["penalty_estimates"] = estimators.summary(found["penalty_draws"], rng)
    for name, frame in found.items():
        whole = frame.reindex(columns=contracts[name].names)
        tables.write(Path(folder) / f"{name}.csv", whole, contracts[name])


def _whole(
    config: Config, parts: Sequence[Path | str], name: str, contract: tables.Contract
) -> pd.DataFrame:
    """One table from the shards' parts, in an order that does not know the shards."""
    paths = [Path(part) / f"{name}.npz" for part in parts]
    frames = [store.read_frame(path, STAGE, config.stage_hash) for path in paths]
    whole = pd.concat([f for f in frames if len(f)] or [pd.DataFrame(columns=[*evaluate.ORDER])])
    keys = [k for k in (*evaluate.ORDER, "estimator", "seed") if k in whole]
    return whole.sort_values(keys).reindex(columns=contract.names).reset_index(drop=True)
