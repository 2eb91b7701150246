"""Results as they would be if the models were known: tables made from φ, to judge claims on."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from irm_bench import config, theory
from irm_bench.config import Config, Study
from irm_bench.judging import printed
from irm_bench.judging.evidence import Evidence
from irm_bench.planning import plan
from irm_bench.planning.plan import Cell
from irm_bench.plugins.registry import find_book
from irm_bench.storage import tables
from irm_bench.storage.paged import Rows
from irm_bench.theory.moments import risk

BOOK = find_book("notebook")

Tables = dict[str, pd.DataFrame]
# (study, cell, generator) → φ (seed, d)
Models = Callable[[Study, Cell, np.random.Generator], np.ndarray]

RAW: dict[str, Any] = {
    "title": "Known models",
    "printed": {
        "study": "notebook",
        "models": {"irm": {"method": "irm", "penalty": "split_half"}, "erm": {"method": "erm"}},
    },
    "root_seed": 5,
    "defaults": {
        "train_sigmas": [[0.1, 1.0]],
        "test_environments": [{"sigma": [0.01, 0.1, 1.0]}],
        "seeds": 24,
    },
    "studies": [
        {
            "name": "notebook",
            "trajectories": True,
            "methods": [
                {"name": "erm", "monitor": "split_half"},
                {"name": "irm", "penalty": "split_half"},
                {"name": "irm", "penalty": "plug_in"},
                {"name": "oracle"},
            ],
        },
        {
            "name": "start",
            "start": ["ones", "zeros", "random", "oracle", "erm"],
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "split_half"}],
        },
        {
            "name": "sigma_grid",
            "train_sigmas": [[0.1, 1.0], [0.1, 0.5, 1.0]],
            "test_environments": [{"sigma": [0.01, 0.3, 3.0]}],
            "methods": [
                {"name": "erm"},
                {"name": "irm", "penalty": "split_half"},
                {"name": "irm", "penalty": "plug_in"},
            ],
        },
        {
            "name": "error_weight",
            "error_weights": [1e-6, 1e-5, 1e-4, 1e-2],
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
        },
        {
            "name": "robustness",
            "optimiser": [{"name": "gd"}, {"name": "adam"}],
            "start": ["ones", "zeros"],
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
        },
        {
            "name": "heavy_tails",
            "options": {"dim": 1},
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
        },
        {
            "name": "sample_size",
            "n_samples": [50, 10_000],
            "methods": [
                {"name": "irm", "penalty": "plug_in"},
                {"name": "irm", "penalty": "split_half"},
            ],
        },
        {
            "name": "z_mechanism",
            "test_environments": [
                {"sigma": [0.1, 1.0], "gamma": [-2, 0, 1, 2]},
                {"sigma": [0.1, 1.0], "tau": [0.5, 1, 2]},
            ],
            "methods": [
                {"name": "erm"},
                {"name": "irm", "penalty": "split_half"},
                {"name": "oracle"},
            ],
        },
    ],
}


def usual(study: Study, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """About what the real benchmark gives."""
    causal = cell.model.causal(cell.model.option)
    shape = (len(study.seeds), len(causal))
    if cell.key.method == "irm" and cell.start in ("zeros", "random"):
        on_curve = 0.5 + 0.707 * np.array([[-1, 0.2, 0, 0]]) * (causal == 1) - 0.5 * (causal == 0)
        return on_curve + rng.normal(0, 0.01, shape)
    if cell.key.method == "oracle":
        return np.broadcast_to(causal, shape).copy()
    if cell.key.method == "erm":
        population = plan.population(cell.model, cell.train)
        return theory.pooled_least_squares(population) + rng.normal(0, 0.004, shape)
    z = 0.016 + 0.3 * (cell.error_weight or 0.0) ** 0.5
    spread = 0.3 if cell.key.penalty == "split_half" and cell.n_samples < 1000 else 0.002
    return causal + (causal == 0) * z + rng.normal(0, spread, shape)


def evidence(
    models: Models = usual, raw: dict[str, Any] = RAW, claims: tuple[str, ...] = ()
) -> Evidence:
    """Evidence of a config whose models are known."""
    text = json.dumps({**raw, "claims": list(claims)})
    return known(_parsed(text), {k: v.copy() for k, v in _tables(text, models).items()})


class Held(Rows):
    """A table in memory; ``frame`` may be changed, but for its keys."""

    def __init__(self, frame: pd.DataFrame, keys: Sequence[str]):
        self.frame = frame
        held = [key for key in keys if key in frame]
        super().__init__(held, lambda number: self.frame, 1, len(frame))


def frame(found: Evidence, table: str) -> pd.DataFrame:
    """A table of known evidence, to be changed but for its keys."""
    held = found.tables[table]
    assert isinstance(held, Held)
    return held.frame


def known(parsed: Config, frames: Tables) -> Evidence:
    """Evidence of tables in memory."""
    contracts = tables.contracts(parsed)
    return Evidence(parsed, {n: Held(frame, contracts[n].keys) for n, frame in frames.items()})


@cache
def _parsed(text: str) -> Config:
    return config.parse(json.loads(text))


@cache
def _tables(text: str, models: Models) -> Tables:
    parsed = _parsed(text)
    rng = np.random.default_rng(11)
    cells = [
        (study, cell, models(study, cell, rng))
        for study in parsed.studies
        for cell in plan.cells_of(study)
    ]
    return {
        "models": pd.concat([_models(*one) for one in cells], ignore_index=True),
        "errors": pd.concat([e for one in cells for e in _errors(*one)], ignore_index=True),
        "trajectories": _trajectories(cells),
        "environments": _environments(parsed, rng),
        "converged": pd.concat([_converged(*one) for one in cells], ignore_index=True),
        "penalty_draws": _draws(cells, rng),
        "starts": _starts(parsed, rng),
    }


def _setting(study: Study, cell: Cell) -> dict[str, Any]:
    return {
        "study": study.name,
        "sem": cell.model.sem.name,
        **cell.model.option,
        "n_samples": cell.n_samples,
        "train_sigmas": cell.train_label,
        "method": cell.key.method,
        "penalty": cell.key.penalty,
        "error_weight": np.nan if cell.error_weight is None else cell.error_weight,
        "learning_rate": np.nan if cell.learning_rate is None else cell.learning_rate,
        "steps": cell.steps,
        "start": cell.start,
        "optimiser": cell.optimiser.plugin.name if cell.optimiser else "",
        **dict.fromkeys(BOOK.plugin("optimisers", "adam").get("PARAMS"), np.nan),
        **dict(cell.optimiser.params if cell.optimiser else ()),
        "seed": np.array(study.seeds),
    }


def _phi(phi: np.ndarray) -> dict[str, np.ndarray]:
    return {f"phi_{j + 1}": column for j, column in enumerate(phi.T)}


def _models(study: Study, cell: Cell, phi: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(_setting(study, cell) | _phi(phi))


def _converged(study: Study, cell: Cell, phi: np.ndarray) -> pd.DataFrame:
    """Half of the weight of Z goes with more training."""
    causal = cell.model.causal(cell.model.option)
    ended = phi.copy()
    if cell.key.method == "irm":
        ended[:, causal == 0] *= 0.5
    return pd.DataFrame(_setting(study, cell) | _phi(ended))


def _errors(study: Study, cell: Cell, phi: np.ndarray) -> list[pd.DataFrame]:
    places = [("train", e) for e in cell.train] + [("test", e) for e in study.test_environments]
    frames = []
    for split, environment in places:
        exact = risk(phi, plan.population(cell.model, [environment]).at(0))
        row = {"split": split, **environment.mapping, "mse": exact, "risk": exact}
        row["optimum"] = cell.model.noise_floor(environment.mapping, cell.model.option)
        frames.append(pd.DataFrame(_setting(study, cell) | row))
    return frames


def _trajectories(cells: list[tuple[Study, Cell, np.ndarray]]) -> pd.DataFrame:
    """The weight of Z falls as a power of the step, from 1 to where it ends."""
    frames = []
    for study, cell, phi in cells:
        if not study.trajectories:
            continue
        for step in (0, 100, 1000, 10_000, 49_000, study.steps):
            share = (max(step, 1) / study.steps) ** -0.5 if cell.key.method == "irm" else 1.0
            now = phi * np.where(np.arange(phi.shape[1]) < cell.model.option["dim"], 1.0, share)
            row = {"step": step, "train_risk": 1.0, "penalty_estimate": 0.0}
            frames.append(pd.DataFrame(_setting(study, cell) | row | _phi(now)))
    return pd.concat(frames, ignore_index=True)


def _environments(parsed: Config, rng: np.random.Generator) -> pd.DataFrame:
    frames = []
    for dataset, use in plan.datasets(parsed).items():
        model, mapping = dataset.model, dataset.environment.mapping
        exact = model.sem.load().correlations(mapping, model.option)
        seeds = sorted(use.seeds)
        floor = model.noise_floor(mapping, model.option)
        noise = floor * (1 + rng.normal(0, 0.005, len(seeds)))
        row = {
            "sem": model.sem.name,
            **model.option,
            "n_samples": dataset.n_samples,
            "sampling": dataset.sampling,
            "split": dataset.split,
            **dataset.environment.mapping,
            "seed": seeds,
            "noise_variance": noise,
            "oracle_mse": noise,
            "optimum": floor,
        }
        row |= {f"corr_{j + 1}": c + rng.normal(0, 0.005, len(seeds)) for j, c in enumerate(exact)}
        frames.append(pd.DataFrame(row))
    return pd.concat(frames, ignore_index=True)


def _draws(cells: list[tuple[Study, Cell, np.ndarray]], rng: np.random.Generator) -> pd.DataFrame:
    """Estimates at the oracle: squared errors 3 (plug-in), 4 (split-half), bias 1 and 0."""
    frames = []
    for study, cell, _ in cells:
        if cell.key.penalty != "split_half" or cell.n_samples != study.n_samples[-1]:
            continue
        for n in study.n_samples:
            for environment in cell.train:
                for name, bias, squared in (("plug_in", 1.0, 3.0), ("split_half", 0.0, 4.0)):
                    values = rng.normal(0, 0.3, (2, len(study.seeds)))
                    row = {
                        "n_samples": n,
                        "sigma": environment["sigma"],
                        "predictor": "causal",
                        "estimator": name,
                        "mean_estimate": bias + values[0],
                        "squared_error": squared + values[1],
                        "negative_share": 0.5 if name == "split_half" else 0.0,
                        "exact_bias": bias,
                        "exact_variance": squared - bias**2,
                        "exact_negative_share": 0.5 if name == "split_half" else 0.0,
                    }
                    frames.append(pd.DataFrame(_setting(study, cell) | row))
    whole = pd.concat(frames, ignore_index=True)
    return whole.drop_duplicates(["n_samples", "sigma", "estimator", "seed"])


def _starts(parsed: Config, rng: np.random.Generator) -> pd.DataFrame:
    """Without the error term anywhere on the circle, with it in one point."""
    study = parsed.studies[0]
    sem = study.model.sem.load()
    rows = {"study": study.name, "seed": np.array(study.seeds), "converged": 1}
    rows |= {"penalty_value": 1e-20}
    spread = sem.penalty_zero(rng.normal(size=(len(study.seeds), study.model.option["dim"])))
    single = np.broadcast_to([0.999, 0.999, 0.008, 0.008], spread.shape)
    return pd.concat(
        [
            pd.DataFrame(rows | {"error_weight": 0.0} | _phi(spread)),
            pd.DataFrame(rows | {"error_weight": 1e-5} | _phi(single)),
        ],
        ignore_index=True,
    )


def printed_values(found: Evidence, off: float = 0.0, n_off: int = 0) -> pd.DataFrame:
    """Runs that give the notebook's numbers but for noise; ``n_off`` of them too large by ``off``
    standard deviations, in every run: (number, seed)."""
    rng = np.random.default_rng(3)
    numbers = printed.numbers(found.config)["printed"].to_numpy()[:, None]
    scale = 0.05 * np.abs(numbers) + 1e-6
    noise = rng.normal(size=(len(numbers), len(found.study("notebook").seeds)))
    noise[:n_off] += off
    return pd.DataFrame(numbers + scale * noise)
