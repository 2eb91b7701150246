"""What a claim may look at: the tables of results, one value a seed, and the exact population."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Environment, MapMethod, ModelKey, Study
from irm_bench.config.layout import Layout, layout_of
from irm_bench.planning import plan
from irm_bench.planning.columns import ORDER, setting
from irm_bench.planning.plan import Cell
from irm_bench.plugins.model import EFFECT
from irm_bench.storage.paged import Rows
from irm_bench.theory.moments import Moments, risk


class InsufficientError(Exception):
    """The results do not hold what a claim needs; the message says what that is."""


@dataclass(frozen=True)
class Selection:
    """One trained model of a study: what a claim speaks of. None: the study's first, or only.

    ``n_samples`` None is the study's largest that the method was trained on. ``start`` is where
    training starts; empty: where the study's first model does. ``rate`` and ``optimiser`` are how
    it steps, and ``params`` values of the method's own parameters: the study's first where they are
    not told. ``rule`` names the selection that chose the model, for a study that selects.
    """

    study: str
    method: str
    penalty: str = ""
    error_weight: float | None = None
    train: tuple[Environment, ...] | None = None
    n_samples: int | None = None
    start: str = ""
    rate: float | None = None
    optimiser: str = ""
    params: tuple[tuple[str, float], ...] = ()
    rule: str = ""

    def other(self, method: str) -> "Selection":
        """The model of a method without penalty, in the same setting."""
        return replace(self, method=method, penalty="", error_weight=None)


class RowsOfSeeds(Rows):
    """A table's rows of some seeds of each study; a table without studies has those of all."""

    def __init__(self, rows: Rows, seeds: Mapping[str, set[int]]):
        self._all, self._seeds = rows, seeds
        self.keys = rows.keys

    def find(self, **where: Any) -> pd.DataFrame:
        found = self._all.find(**where)
        if "study" in where or "study" not in found:
            every = set().union(*self._seeds.values())
            return found[found["seed"].isin(self._seeds.get(str(where.get("study")), every))]
        is_kept = np.zeros(len(found), dtype=bool)
        for study, seeds in self._seeds.items():
            is_kept |= ((found["study"] == study) & found["seed"].isin(seeds)).to_numpy()
        return found[is_kept]


@dataclass(frozen=True)
class Evidence:
    """Look-ups that return one value a seed, NaN where the run diverged.

    Every look-up raises ``InsufficientError`` where the config does not have what is asked for.
    """

    config: Config
    tables: Mapping[str, Rows]
    findings: Sequence[Any] = field(default=())

    @cached_property
    def _cells(self) -> dict[Selection, dict[str, Any]]:
        """What ``cell`` has told already: claims ask for the same models many times."""
        return {}

    @cached_property
    def _series(self) -> dict[tuple[Any, ...], pd.Series]:
        """Of one value a seed, what was looked up already."""
        return {}

    def _once(self, make: Callable[..., pd.Series], *asked: Any) -> pd.Series:
        """What ``make`` finds of what is asked, in a copy, which a claim may change."""
        key = (make.__name__, *asked)
        if key not in self._series:
            self._series[key] = make(*asked)
        return self._series[key].copy()

    @cached_property
    def _layout(self) -> Layout:
        return layout_of(self.config)

    def at_look(self, look: int) -> "Evidence":
        """What there was at a look, this or an earlier one: the rows of its seeds alone."""
        if look == self.config.look:
            return self
        config = self.config.at_look(look)
        seeds = {study.name: set(study.seeds) for study in config.studies}
        return replace(
            self,
            config=config,
            tables={name: RowsOfSeeds(rows, seeds) for name, rows in self.tables.items()},
        )

    def study(self, name: str) -> Study:
        for study in self.config.studies:
            if study.name == name:
                return study
        raise InsufficientError(f"needs the study {name!r}, which the config does not have")

    def map_method(self, name: str) -> MapMethod:
        for method in self.config.map.methods if self.config.map else ():
            if method.name == name:
                return method
        raise InsufficientError(f"needs the method {name!r} in the map")

    def rows(self, table: str, study: str, **where: Any) -> pd.DataFrame:
        """The rows of a study where every named key has the given value."""
        self.study(study)
        return self.find(table, study=study, **where)

    def find(self, table: str, **where: Any) -> pd.DataFrame:
        """The rows where every named key has the given value."""
        found = self.tables[table].find(**where)
        if found.empty:
            wanted = ", ".join([table, *(_in_words(key, where[key]) for key in where)])
            raise InsufficientError(f"needs rows that the results do not have: {wanted}")
        return found

    def cell(self, model: Selection) -> dict[str, Any]:
        """The columns that tell a model's rows from all others of its study.

        Of what the model leaves open (rates, starts, options …), they are the study's first.
        """
        if model not in self._cells:
            self._cells[model] = self._cell(model)
        return dict(self._cells[model])  # a copy, which a claim may change

    def _cell(self, model: Selection) -> dict[str, Any]:
        study = self.study(model.study)
        for method in study.methods:
            sizes = [n for n in study.n_samples if n <= method.max_n_samples]
            if method.key != ModelKey(model.method, model.penalty) or not sizes:
                continue
            n_samples = max(sizes) if model.n_samples is None else model.n_samples
            train = self.train_set(model)
            for cell in plan.cells_at(study, study.model, n_samples, train, method):
                if _fits(cell, model):
                    columns = setting(self._layout, (0, 0), study, cell, model.rule)
                    return {n: v for n, v in columns.items() if n not in (*ORDER, "study")}
        wanted = f"{model.method} {model.penalty}".strip()
        raise InsufficientError(f"needs {wanted} in the study {model.study!r}")

    def model(self, model: Selection, column: str) -> pd.Series:
        """A column of ``models`` by seed."""
        return _by_seed(self.rows("models", model.study, **self.cell(model)), column)

    def phi(self, model: Selection, table: str = "models") -> pd.DataFrame:
        """φ by seed, one column a feature: as trained, or where training ends (``converged``)."""
        names = [f"phi_{j + 1}" for j in range(self.study(model.study).model.n_features)]
        return self.rows(table, model.study, **self.cell(model)).set_index("seed")[names]

    def z_weight(self, model: Selection, table: str = "models") -> pd.Series:
        """Mean over the effects of the target of |φ_j|, by seed."""
        phi = self.phi(model, table)
        roles = self.study(model.study).model.roles
        effects = [j for j, role in enumerate(roles) if role == EFFECT]
        if not effects:
            raise InsufficientError(f"needs effects of the target, which {model.study!r} has not")
        return phi.iloc[:, effects].abs().mean(axis=1, skipna=False)

    def distance(self, model: Selection, table: str = "models") -> pd.Series:
        """‖φ − oracle‖, by seed."""
        off = self.phi(model, table) - self.causal(model.study)
        return np.sqrt((off**2).sum(axis=1, skipna=False))

    def error(
        self, model: Selection, environment: Environment, split: str = "test", column: str = "mse"
    ) -> pd.Series:
        """A column of ``errors`` by seed."""
        return self._once(self._error, model, environment, split, column)

    def _error(
        self, model: Selection, environment: Environment, split: str, column: str
    ) -> pd.Series:
        where = {**self.cell(model), "split": split, **environment.mapping}
        return _by_seed(self.rows("errors", model.study, **where), column)

    def average_error(
        self, model: Selection, split: str = "test", column: str = "mse"
    ) -> pd.Series:
        """A column of ``errors`` averaged over the environments, by seed."""
        parts = [self.error(model, e, split, column) for e in self.environments(model, split)]
        return pd.concat(parts, axis=1).mean(axis=1, skipna=False)

    def train_set(self, model: Selection) -> tuple[Environment, ...]:
        """The environments that a model trains on, by rising σ."""
        return model.train or self.study(model.study).train_sets[0]

    def environments(self, model: Selection, split: str = "test") -> tuple[Environment, ...]:
        """A model's training or test environments, by rising σ."""
        test = self.study(model.study).test_environments
        members = test if split == "test" else self.train_set(model)
        return tuple(sorted(members, key=lambda environment: environment.main))

    def data(self, study: str, split: str, environment: Environment, column: str) -> pd.Series:
        """A column of ``environments``, which describes the rows themselves, by seed."""
        return self._once(self._data, study, split, environment, column)

    def _data(self, study: str, split: str, environment: Environment, column: str) -> pd.Series:
        one = self.study(study)
        n_samples = one.n_test_samples if split == "test" else max(one.n_samples)
        where: dict[str, Any] = {"sem": one.sem, **one.model.option, "split": split}
        where["n_samples"] = n_samples
        where["sampling"] = one.sampling
        frame = self.find("environments", **where, **environment.mapping)
        return _by_seed(frame[frame["seed"].isin(one.seeds)], column)

    def causal(self, study: str) -> np.ndarray:
        """The oracle φ (d,) of a study's SEM."""
        one = self.study(study)
        causal = one.model.causal(one.model.option) if one.model.is_fixed else None
        if causal is None:
            raise InsufficientError(f"needs a causal solution, which {one.sem} does not know")
        return causal

    def population(self, study: str, environments: Sequence[Environment]) -> Moments:
        """Exact moments of environments, stacked (E, …)."""
        model = self.study(study).model
        if not (model.is_fixed and model.has("population")):
            raise InsufficientError(f"needs exact moments, which {model.sem} does not know")
        return plan.population(model, list(environments))

    def risk(self, study: str, phi: np.ndarray, environment: Environment) -> np.ndarray:
        """Exact risk (...) of φ (..., d) in an environment."""
        return risk(np.asarray(phi, dtype=float), self.population(study, [environment]).at(0))

    def family(self, study: str, sigma: float) -> Environment:
        """The environment of a study's training sets with another σ."""
        first = self.study(study).train_sets[0][0]
        (name, _), *rest = first.parameters
        return Environment(((name, sigma), *rest), first.defaults)

    def correlations(self, study: str, environment: Environment) -> np.ndarray:
        """Exact correlation of every feature with the target, for means of zero: (d,)."""
        moments = self.population(study, [environment]).at(0)
        return moments.cross / np.sqrt(np.diag(moments.gram) * moments.target)

    def floor(self, study: str, environment: Environment) -> float:
        """Noise floor: the oracle's risk."""
        model = self.study(study).model
        return model.noise_floor(environment.mapping, model.option)


def _fits(cell: Cell, model: Selection) -> bool:
    """Whether a cell has the start, steps and parameters that are asked for, where it has any."""
    if model.start and cell.start not in ("", model.start):
        return False
    if model.rate is not None and cell.learning_rate not in (None, model.rate):
        return False
    optimiser = cell.optimiser.plugin.name if cell.optimiser else ""
    if model.optimiser and optimiser not in ("", model.optimiser):
        return False
    told = dict(model.params)
    if model.error_weight is not None:
        told["error_weight"] = model.error_weight
    return all(told.get(name, value) == value for name, value in cell.params)


def _by_seed(frame: pd.DataFrame, column: str) -> pd.Series:
    # Put together anew: pandas takes ten times as long to make the index of a whole frame.
    index = pd.Index(frame["seed"].to_numpy(), name="seed")
    series = pd.Series(frame[column].to_numpy(float), index, name=column)
    if index.has_duplicates:
        raise ValueError(f"{column}: several rows a seed; the look-up does not name one model")
    return series


def _in_words(key: str, value: Any) -> str:
    """A key of a look-up; what other models have a parameter for, and this one has not, says so."""
    return f"no {key}" if pd.isna(value) else f"{key} = {value}"
