"""Every number that a book's source prints, beside the 95% prediction interval of our runs.

``printed.csv`` of the book holds the numbers as printed, and where they stand; its config says
which study they are compared with, and which method each of the source's models is (``printed``).
After 'Epoch k' a source has made k − 1 updates. A source may compute in single precision and we in
double; a printed number is inside where the interval of all values that round to it meets the
prediction interval.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Environment
from irm_bench.config.layout import layout_of
from irm_bench.config.parsing import PRINTED_FILE
from irm_bench.judging import repeated
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.statistics import intervals

# The values of ``columns``, None where there is none.
Key = tuple[Any, ...]


def columns(config: Config) -> list[str]:
    """The columns that tell printed numbers apart."""
    mains = [name for name, _ in layout_of(config).main_parameters]
    return ["model", "quantity", "split", *mains, "step"]


def models(config: Config) -> dict[str, Selection]:
    """The models that the source prints numbers of, by their names there; none without any."""
    printed = config.printed
    if printed is None:
        return {}
    return {
        name: Selection(model.study, model.method, model.penalty, rule=model.selection)
        for name, model in printed.models
    }


def numbers(config: Config) -> pd.DataFrame:
    """The source's numbers, in its order; ``half_unit`` is half a unit of the last digit.

    Empty where the book has none.
    """
    path = config.book.file(PRINTED_FILE)
    if path is None or config.printed is None:
        return pd.DataFrame()
    if config.printed.is_repeated:
        return pd.read_csv(path)
    mains = [name for name, _ in layout_of(config).main_parameters]
    frame = pd.read_csv(
        path,
        dtype={"printed": str},
        keep_default_na=False,
        na_values={name: [""] for name in (*mains, "step")},
    )
    # Read, not computed: numpy's powers round by the processor.
    half_unit = [float(f"0.5e-{len(text.partition('.')[2])}") for text in frame["printed"]]
    return frame.assign(printed=frame["printed"].astype(float), half_unit=half_unit)


def observed(evidence: Evidence) -> dict[Key, pd.Series]:
    """Our own values of what the source prints, by seed; none of what the results do not have."""
    named = models(evidence.config)
    found: dict[Key, pd.Series] = {}
    for pairs in (
        _data(evidence, named),
        *(_errors(evidence, name, model) for name, model in named.items()),
        *(_weights(evidence, name, model) for name, model in named.items()),
    ):
        with suppress(InsufficientError):
            found |= dict(pairs)
    return found


def _data(evidence: Evidence, named: dict[str, Selection]) -> Iterator[tuple[Key, pd.Series]]:
    """What the source prints of the data, before any model."""
    model = next(iter(named.values()))
    place = _places(evidence.config)
    features = evidence.study(model.study).model.n_features
    names = [*(f"corr_{j + 1}" for j in range(features)), "noise_variance", "oracle_mse"]
    for split in ("train", "test"):
        floors = []
        for environment in evidence.environments(model, split):
            for column in names:
                values = evidence.data(model.study, split, environment, column)
                yield ("data", column, split, *place(environment), None), values
            floors.append(evidence.data(model.study, split, environment, "optimum"))
            yield ("data", "noise_floor", split, *place(environment), None), floors[-1]
        average = pd.concat(floors, axis=1).mean(axis=1)
        yield ("data", "average_noise_floor", split, *place(None), None), average


def _errors(evidence: Evidence, name: str, model: Selection) -> Iterator[tuple[Key, pd.Series]]:
    """What it prints of a model's errors, environment by environment and on average."""
    place = _places(evidence.config)
    for metric in evidence.study(model.study).loss.metadata["METRICS"]:
        for split in ("train", "test"):
            for environment in evidence.environments(model, split):
                error = evidence.error(model, environment, split, metric)
                yield (name, metric, split, *place(environment), None), error
            average = evidence.average_error(model, split, metric)
            yield (name, f"average_{metric}", split, *place(None), None), average


def _weights(evidence: Evidence, name: str, model: Selection) -> Iterator[tuple[Key, pd.Series]]:
    """What it prints after training, and while a model trains."""
    place = _places(evidence.config)
    phis = evidence.phi(model)
    for column in phis:
        yield (name, column, "", *place(None), None), phis[column]
    quantities = {column: column for column in phis}
    quantities |= {"train_risk": "train_risk", "penalty_estimate": "penalty"}
    steps = numbers(evidence.config)["step"].dropna().unique()
    for step in steps:  # of all that are recorded, few are printed
        where = {"study": model.study, **evidence.cell(model), "step": step}
        found = evidence.tables["trajectories"].find(**where).set_index("seed")
        for column, quantity in quantities.items():
            yield (name, quantity, "", *place(None), step), found[column]


def _places(config: Config) -> Callable[[Environment | None], Key]:
    """A function: an environment's values of the columns that name it; no values for none."""
    mains = [name for name, _ in layout_of(config).main_parameters]

    def place(environment: Environment | None) -> Key:
        told = {} if environment is None else dict(environment.parameters[:1])
        return tuple(told.get(name) for name in mains)

    return place


def values(evidence: Evidence) -> pd.DataFrame:
    """Our values of the source's numbers, in its order: (number, seed); NaN where none."""
    found = observed(evidence)
    none = pd.Series(dtype=float)
    printed = numbers(evidence.config)
    keys = map(_key, printed[columns(evidence.config)].itertuples(index=False))
    rows = [found.get(key, none).astype(float) for key in keys]
    return pd.DataFrame(rows).reset_index(drop=True).sort_index(axis=1)


def compare(evidence: Evidence) -> pd.DataFrame:
    """The table ``printed``: each number with our mean and the prediction interval of one run.

    Statistics of many runs are held against ours instead (``repeated.py``).
    """
    frame = numbers(evidence.config)
    if frame.empty or evidence.config.printed is None:
        return frame
    if evidence.config.printed.is_repeated:
        return repeated.compare(evidence, frame)
    ours = values(evidence).to_numpy(dtype=float)
    rows = [
        _beside(printed, half_unit, one)
        for printed, half_unit, one in zip(frame["printed"], frame["half_unit"], ours, strict=True)
    ]
    named = models(evidence.config).items()
    words = frame["model"].map({name: _words(model) for name, model in named})
    study = evidence.config.printed.study
    frame["compared_with"] = words.fillna("our data") + f", study {study}"
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
