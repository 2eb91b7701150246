"""Stage 3: choose among the trained models of a method, seed by seed, by rows set apart for it.

``score`` measures every candidate of a shard's seeds; ``merge`` lets each rule choose when all
shards are scored, so that a rule may look at all seeds. Scores are the loss on the rule's rows,
averaged over their environments.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from irm_bench.config import Config
from irm_bench.config.layout import layout_of
from irm_bench.errors import PluginError, about
from irm_bench.planning import plan
from irm_bench.planning.candidates import Choice, choices
from irm_bench.planning.columns import setting
from irm_bench.planning.plan import Cell, Dataset
from irm_bench.plugins.registry import Plugin
from irm_bench.stages.measures import Measures, mean_of
from irm_bench.storage import archives, tables
from irm_bench.storage.handover import MomentStore, TrainedStore

SCORED, CHOSEN = "score", "select"


def score(
    config: Config,
    shard: int,
    moments: Path | str,
    trained: Iterable[Path | str],
    output: Path | str,
) -> None:
    """Write the scores (candidate, seed) of every choice for the seeds of a shard."""
    models = TrainedStore(config, trained)
    measures = Measures(config, MomentStore(config, moments))
    mine = set(plan.shard_seeds(config, shard))
    arrays: dict[str, np.ndarray] = {}
    for choice in choices(config):
        seeds = np.array(sorted(mine & set(choice.candidates.study.seeds)), dtype=np.int64)
        if len(seeds):
            what = f"selection {choice.selection.name}, study {choice.candidates.study.name}"
            with about(what):
                arrays[f"{choice.name}/scores"] = _scores(choice, models, measures, seeds)
            arrays[f"{choice.name}/seeds"] = seeds
    archives.write_arrays(output, SCORED, config.stage_hash, arrays)


def _scores(
    choice: Choice, models: TrainedStore, measures: Measures, seeds: np.ndarray
) -> np.ndarray:
    """Scores (candidate, seed)."""
    looks_at_error = choice.selection.plugin.get("METRIC", "loss") == "error"
    measure = measures.error if looks_at_error else measures.loss
    found = []
    for cell in choice.candidates.cells:
        parts = []
        for tested, dataset in _looks(choice, cell):
            phi = models.phi(tested, seeds)
            parts.append(measure(tested.loss, phi, dataset, seeds))
        found.append(mean_of(parts))
    return np.array(found)


def _looks(choice: Choice, cell: Cell) -> list[tuple[Cell, Dataset]]:
    """The trainings that a candidate is scored by, each with the rows it is scored on."""
    study = choice.candidates.study
    if choice.selection.plugin.get("DATA") != "left_out":
        rows = plan.validation_of(study, choice.selection, cell)
        return [(cell, dataset) for dataset in rows]
    looks = []
    for environment, validated in zip(cell.train, cell.environments, strict=True):
        # a single environment cannot be left out: the training itself is scored on it
        tested = cell.without(environment) if len(cell.train) > 1 else cell
        looks.append((tested, plan.validation_dataset(study, cell.model, validated)))
    return looks


def merge(
    config: Config, scored: Sequence[Path | str], output: Path | str, table: Path | str
) -> None:
    """Write which candidate each seed takes, and the table ``selections`` of it."""
    parts = [archives.read_arrays(path, SCORED, config.stage_hash) for path in scored]
    arrays: dict[str, np.ndarray] = {}
    frames = []
    for choice in choices(config):
        mine = [part for part in parts if f"{choice.name}/seeds" in part]
        seeds = np.concatenate([part[f"{choice.name}/seeds"] for part in mine])
        scores = np.concatenate([part[f"{choice.name}/scores"] for part in mine], axis=1)
        order = np.argsort(seeds)
        seeds, scores = seeds[order], scores[:, order]
        chosen = _chosen(choice.selection.plugin, scores)
        arrays |= {f"{choice.name}/seeds": seeds, f"{choice.name}/chosen": chosen}
        frames.append(_table(config, choice, seeds, scores, chosen))
    archives.write_arrays(output, CHOSEN, config.results_hash, arrays)
    contract = tables.contracts(config)["selections"]
    whole = pd.concat(frames, ignore_index=True).reindex(columns=contract.names)
    tables.write(table, whole, contract)


def _chosen(rule: Plugin, scores: np.ndarray) -> np.ndarray:
    """The candidate of each seed (seed,), as a rule chooses it by scores (candidate, seed).

    Raises:
        PluginError: it gives something else.
    """
    chosen = np.asarray(rule.load().choose(scores))
    n_candidates, n_seeds = scores.shape
    is_whole = chosen.shape == (n_seeds,) and np.issubdtype(chosen.dtype, np.integer)
    if not is_whole or chosen.min() < 0 or chosen.max() >= n_candidates:
        raise PluginError(
            f"{rule.path}: choose gives {chosen.dtype} of shape {chosen.shape}; needed is the "
            f"number of a candidate, 0 to {n_candidates - 1}, of each seed: {(n_seeds,)}"
        )
    return chosen


def _table(
    config: Config, choice: Choice, seeds: np.ndarray, scores: np.ndarray, chosen: np.ndarray
) -> pd.DataFrame:
    layout, study = layout_of(config), choice.candidates.study
    rows = []
    for seed, candidate, score in zip(
        seeds, chosen, scores[chosen, range(len(seeds))], strict=True
    ):
        cell = choice.candidates.cells[candidate]
        row = setting(layout, choice.order, study, cell)
        count = len(choice.candidates.cells)
        row |= {"selection": choice.selection.name, "seed": seed, "n_candidates": count}
        rows.append(row | {"score": score})
    return pd.DataFrame(rows)


class Chosen:
    """Which candidate each seed takes, as ``merge`` wrote it."""

    def __init__(self, config: Config, path: Path | str):
        self._arrays = archives.read_arrays(path, CHOSEN, config.results_hash)

    def cells(self, choice: Choice, seeds: np.ndarray) -> np.ndarray:
        """The number of the chosen candidate of each seed (seed,)."""
        known = self._arrays[f"{choice.name}/seeds"]
        return self._arrays[f"{choice.name}/chosen"][np.searchsorted(known, seeds)]
