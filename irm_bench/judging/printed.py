"""Every number that the notebook prints, beside the 95% prediction interval of our runs.

``data/notebook_numbers.csv`` holds the numbers as printed, and where they stand. They are compared
with the study ``notebook``: the notebook's IRM with ``irm`` on the ``split_half`` penalty, which is
the one that its code computes; its standard model with ``erm``, whose penalty is reported with
``split_half`` too. After 'Epoch k' the notebook has made k − 1 updates. It computes in single
precision and we in double; a printed number is inside where the interval of all values that round
to it meets the prediction interval.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.plugins import registry
from irm_bench.statistics import intervals

NUMBERS = registry.PACKAGE / "books/notebook/printed.csv"
STUDY = "notebook"
MODELS = {
    "irm": Selection(STUDY, "irm", "split_half"),
    "erm": Selection(STUDY, "erm"),
}
KEYS = ["model", "quantity", "split", "sigma", "step"]
# The values of KEYS, None where there is none.
Key = tuple[Any, ...]


def numbers() -> pd.DataFrame:
    """The notebook's numbers, in its order; ``half_unit`` is half a unit of the last digit."""
    frame = pd.read_csv(
        NUMBERS,
        dtype={"printed": str},
        keep_default_na=False,
        na_values={"sigma": [""], "step": [""]},
    )
    decimals = frame["printed"].str.partition(".")[2].str.len()
    return frame.assign(printed=frame["printed"].astype(float), half_unit=0.5 * 10.0**-decimals)


def observed(evidence: Evidence) -> dict[Key, pd.Series]:
    """Our own values of what the notebook prints, by seed; none without the study."""
    try:
        return dict(chain(_data(evidence), *(_model(evidence, name) for name in MODELS)))
    except InsufficientError:
        return {}


def _data(evidence: Evidence) -> Iterator[tuple[Key, pd.Series]]:
    """What the notebook prints of the data, before any model."""
    features = len(evidence.causal(STUDY))
    columns = [*(f"corr_{j + 1}" for j in range(features)), "noise_variance", "oracle_mse"]
    for split in ("train", "test"):
        floors = []
        for environment in evidence.environments(MODELS["irm"], split):
            sigma = environment["sigma"]
            for column in columns:
                values = evidence.data(STUDY, split, environment, column)
                yield ("data", column, split, sigma, None), values
            floors.append(evidence.data(STUDY, split, environment, "optimum"))
            yield ("data", "noise_floor", split, sigma, None), floors[-1]
        average = pd.concat(floors, axis=1).mean(axis=1)
        yield ("data", "average_noise_floor", split, None, None), average


def _model(evidence: Evidence, name: str) -> Iterator[tuple[Key, pd.Series]]:
    """What it prints while a model trains, and of its errors."""
    model = MODELS[name]
    for split in ("train", "test"):
        for environment in evidence.environments(model, split):
            mse = evidence.error(model, environment, split)
            yield (name, "mse", split, environment["sigma"], None), mse
        average = evidence.average_error(model, split)
        yield (name, "average_mse", split, None, None), average
    quantities = {name: name for name in evidence.phi(model).columns}
    quantities |= {"train_risk": "train_risk", "penalty_estimate": "penalty"}
    for step in numbers()["step"].dropna().unique():  # of all that are recorded, few are printed
        where = {"study": STUDY, **evidence.cell(model), "step": step}
        found = evidence.tables["trajectories"].find(**where).set_index("seed")
        for column, quantity in quantities.items():
            yield (name, quantity, "", None, step), found[column]


def values(evidence: Evidence) -> pd.DataFrame:
    """Our values of the notebook's numbers, in its order: (number, seed); NaN where none."""
    found = observed(evidence)
    none = pd.Series(dtype=float)
    keys = map(_key, numbers()[KEYS].itertuples(index=False))
    rows = [found.get(key, none).astype(float) for key in keys]
    return pd.DataFrame(rows).reset_index(drop=True).sort_index(axis=1)


def compare(evidence: Evidence) -> pd.DataFrame:
    """The table ``printed``: each number with our mean and the prediction interval of one run."""
    frame = numbers()
    ours = values(evidence).to_numpy(dtype=float)
    rows = [
        _beside(printed, half_unit, one)
        for printed, half_unit, one in zip(frame["printed"], frame["half_unit"], ours, strict=True)
    ]
    words = frame["model"].map({name: _words(model) for name, model in MODELS.items()})
    frame["compared_with"] = words.fillna("our data") + f", study {STUDY}"
    return pd.concat([frame, pd.DataFrame(rows)], axis=1)


def _words(model: Selection) -> str:
    return f"{model.method} {model.penalty}".strip()


def _key(parts: Iterable[Any]) -> Key:
    return tuple(None if pd.isna(part) else part for part in parts)


def _beside(printed: float, half_unit: float, values: np.ndarray) -> dict[str, float]:
    finite = values[np.isfinite(values)]
    diverged = len(values) - len(finite) if len(finite) else 0
    counts = {"n_seeds": len(finite), "n_diverged": diverged}
    if not len(finite):
        return counts | dict.fromkeys(("mean", "pi_low", "pi_high", "inside"), np.nan)
    interval = intervals.prediction_interval(finite)
    return counts | {
        "mean": interval.estimate,
        "pi_low": interval.low,
        "pi_high": interval.high,
        "inside": inside(printed, half_unit, interval.low, interval.high),
    }


def inside(printed: float, half_unit: float, low: float, high: float) -> float:
    """1 where some value that rounds to ``printed`` lies in [low, high], 0 where none, else nan."""
    if np.isnan(low) or np.isnan(high):
        return np.nan
    slack = half_unit * (1 + 1e-9)  # a value half a unit away rounds to it as well
    return float(printed + slack >= low and printed - slack <= high)
