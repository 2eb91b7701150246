"""The tables of a chapter that the page writes itself: errors, risks and weights of a study."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
from markupsafe import Markup

from irm_bench.config import Study
from irm_bench.presentation import numbers
from irm_bench.presentation.series import TRAIN_COLUMNS, Looks, matches
from irm_bench.report.ledger import Entry, Ledger
from irm_bench.storage.contracts import METRICS

# Of a large grid, so many rows and columns stand in the page; all are in the tables.
MOST_ROWS, MOST_COLUMNS = 40, 8
# What a column that tells models apart is called in their labels.
WORDS = {
    "n_samples": "n =",
    "train_sigmas": "trained on",
    "train_set": "trained on",
    "selection": "chosen by",
    "start": "start:",
}
RISK = "mean squared error by the exact moments of the environment"


@dataclass(frozen=True)
class Row:
    """A model and its numbers; ``diverged`` counts the runs that did."""

    label: str
    cells: tuple[Markup, ...]
    diverged: str = ""


@dataclass(frozen=True)
class Table:
    """Means over seeds, a model a row."""

    id: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    left_out: str

    @property
    def has_diverged(self) -> bool:
        return any(row.diverged for row in self.rows)


class FirstRows:
    """Where in a table a setting stands first, of those columns of a setting that the table has."""

    def __init__(self, frame: pd.DataFrame, names: Sequence[str]):
        self._names = [name for name in names if name in frame]
        self._rows: dict[tuple[Any, ...], Any] = {}
        values = frame[self._names].astype(object)
        keys = values.where(values.notna(), None).itertuples(index=False, name=None)
        for key, row in zip(keys, frame.index, strict=True):
            self._rows.setdefault(key, row)

    def find(self, setting: Mapping[str, Any]) -> Any:
        """The row's label, or None; a missing value is equal to a missing one."""
        key = (setting[name] for name in self._names)
        return self._rows.get(tuple(None if pd.isna(value) else value for value in key))


class StudyTables:
    """Makes the tables; ``keys`` are the columns that tell models apart."""

    def __init__(self, ledger: Ledger, study: Study, looks: Looks, keys: Sequence[str]):
        self._ledger, self._study, self._looks = ledger, study, looks
        self._keys = [key for key in keys if key != "study"]
        self._summary = ledger.rows("summary", study=study.name, ci_method="t")
        # of a model's first weight: these rows count its diverged runs
        self._first_weights = self._summary[self._summary["quantity"] == "phi_1"]

    @property
    def settings(self) -> list[str]:
        """The columns that the study's trained models differ in, and method and penalty."""
        return self.varied(self._first_weights)

    def tables(self) -> Iterator[Table]:
        """Errors by every metric of the loss, exact risks, weights: those that there are."""
        for metric in self._study.loss.metadata["METRICS"]:
            title = "Test error" if metric == "mse" else f"Test {metric.replace('_', ' ')}"
            yield from self._by_environment(metric, title)
        yield from self._by_environment("risk", "Exact risk")
        yield from self._weights()

    def _by_environment(self, quantity: str, title: str) -> Iterator[Table]:
        """A column a test environment. A SEM that does not know its risks has none of them."""
        frame = self._summary
        frame = frame[(frame["split"] == "test") & (frame["quantity"] == quantity)]
        if frame.empty or (quantity == "risk" and not frame["mean"].notna().any()):
            return
        environments = list(dict.fromkeys(frame["environment"]))
        shown = _spread(environments)
        floors = self._floors(shown) if quantity == "risk" else []
        settings = self.varied(frame)
        models = frame.groupby(settings, sort=False, dropna=False)
        rows = [*self._rows(models, settings, "environment", shown), *floors]
        meaning = METRICS.get(quantity, RISK if quantity == "risk" else quantity)
        what = f"{meaning.capitalize()}: mean over seeds [95% t interval of the mean]."
        if floors:
            what += " The noise floor is the risk of the oracle, which knows the causes."
        columns = tuple(self._looks.environment(str(label)) for label in shown)
        left_out = _left_out(models.ngroups, len(environments) - len(shown))
        yield Table(f"{quantity}-{self._study.name}", title, what, columns, tuple(rows), left_out)

    def _floors(self, environments: Sequence[Any]) -> list[Row]:
        """The noise floor, a row a structure."""
        if "floors" not in self._ledger:
            return []
        frame = self._ledger.rows("floors", study=self._study.name)
        rows = []
        for model in self._study.models:
            chosen = frame[matches(frame, model.option)]
            entries = (self._entry("floors", chosen, "environment", e) for e in environments)
            cells = tuple(_exact(entry) for entry in entries)
            if any(cells):
                rows.append(Row(self._of_structure("noise floor", model.option), cells))
        return rows

    def _weights(self) -> Iterator[Table]:
        """A column a feature, and how far the model is from the oracle."""
        names = self._feature_names()
        phis = [f"phi_{j + 1}" for j in range(len(names))]
        frame = self._summary
        frame = frame[frame["quantity"].isin(phis)]
        if frame.empty:
            return
        shown = phis[:MOST_COLUMNS]
        columns = [f"φ({name})" for name in names[:MOST_COLUMNS]]
        is_known = "distances" in self._ledger and bool(
            len(self._ledger.rows("distances", study=self._study.name))
        )
        settings = self.varied(frame)
        models = frame.groupby(settings, sort=False, dropna=False)
        rows = [*self._rows(models, settings, "quantity", shown, with_distance=is_known)]
        rows += self._oracles(shown, is_known)
        what = "Mean over seeds [95% t interval of the mean]."
        if is_known:
            columns.append("distance from the oracle")
            what += " The oracle’s weights are those of the target’s own mechanism."
        left_out = _left_out(models.ngroups, len(phis) - len(shown))
        yield Table(
            f"weights-{self._study.name}", "Weights", what, tuple(columns), tuple(rows), left_out
        )

    def _feature_names(self) -> list[str]:
        """Of the largest structure, if the others have the first of its names; else numbers."""
        largest = max(self._study.models, key=lambda model: model.n_features)
        names = largest.feature_names
        for model in self._study.models:
            if model.feature_names != names[: model.n_features]:
                return [str(j + 1) for j in range(largest.n_features)]
        return names

    def _oracles(self, quantities: Sequence[str], with_distance: bool) -> list[Row]:
        """The oracle's weights, a row a structure, where no method of the study has them."""
        if "oracles" not in self._ledger:
            return []
        frame = self._ledger.rows("oracles", study=self._study.name)
        rows = []
        for model in self._study.models:
            chosen = frame[matches(frame, model.option)]
            entries = [self._entry("oracles", chosen, "quantity", q, "value") for q in quantities]
            cells = tuple(_exact(entry) for entry in entries)
            if any(cells):
                blank = (Markup(),) * with_distance
                label = self._of_structure("oracle (exact)", model.option)
                rows.append(Row(label, cells + blank))
        return rows

    def _of_structure(self, label: str, option: Mapping[str, Any]) -> str:
        if len(self._study.models) == 1:
            return label
        return f"{label}, {assignments(option)}"

    def _rows(
        self,
        models: Any,
        settings: Sequence[str],
        column: str,
        values: Sequence[Any],
        with_distance: bool = False,
    ) -> Iterator[Row]:
        """A row a model, which ``settings`` tell apart: its cell for each value of a column."""
        weights = FirstRows(self._first_weights, settings)
        distances = None
        if with_distance:
            of_study = self._ledger.rows("distances", study=self._study.name)
            distances = FirstRows(of_study, settings)
        for key, group in islice(models, MOST_ROWS):
            setting = dict(zip(settings, key, strict=True))
            rows_of: dict[Any, Any] = {}
            for value, row in zip(group[column], group.index, strict=True):
                rows_of.setdefault(value, row)
            entries = [self._value_at("summary", rows_of.get(value)) for value in values]
            if distances is not None:
                entries.append(self._value_at("distances", distances.find(setting)))
            diverged = self._diverged(weights.find(setting))
            cells = tuple(_mean(entry, bool(diverged)) for entry in entries)
            yield Row(self.label(setting), cells, diverged)

    def _entry(
        self, table: str, frame: pd.DataFrame, column: str, value: Any, number: str = "mean"
    ) -> Entry | None:
        rows = frame.index[matches(frame, {column: value})]
        return self._value_at(table, rows[0] if len(rows) else None, number)

    def _value_at(self, table: str, row: Any, number: str = "mean") -> Entry | None:
        return None if row is None else self._ledger.value_at(table, row, number)

    def _diverged(self, row: Any) -> str:
        """How many of a model's runs diverged, if any; ``row`` is that of its first weight."""
        if row is None or not self._first_weights.loc[row, "n_diverged"]:
            return ""
        n_diverged, n_good = self._first_weights.loc[row, ["n_diverged", "n_seeds"]]
        return f"{n_diverged:.0f} of {n_diverged + n_good:.0f}"

    def varied(self, frame: pd.DataFrame) -> list[str]:
        """The method, its penalty, and the other columns that models of one method differ in.

        What a rule chose has no value of what it chose among.
        """
        trained = frame[frame["selection"] == ""] if "selection" in frame else frame
        methods = ["method", "penalty"]
        found = []
        for key in self._keys:
            rows = frame if key == "selection" else trained
            values = rows[list(dict.fromkeys([*methods, key]))].drop_duplicates()
            if key in methods or values.duplicated(methods).any():
                found.append(key)
        return found

    def label(self, setting: Mapping[str, Any]) -> str:
        """A model in words: its method, and in what it differs from the others."""
        parts = [self._looks.one(str(setting["method"]), str(setting["penalty"])).label]
        for name, value in setting.items():
            if name not in ("method", "penalty") and not pd.isna(value) and value != "":
                parts.append(f"{WORDS.get(name, f'{name} =')} {self._value(name, value)}")
        return ", ".join(parts)

    def _value(self, name: str, value: Any) -> str:
        return self._looks.train_set(value) if name in TRAIN_COLUMNS else text_of(value)


def _spread(values: Sequence[Any]) -> list[Any]:
    """The values, or where there are too many, some from the first to the last of them."""
    if len(values) <= MOST_COLUMNS:
        return list(values)
    last = len(values) - 1
    return [values[round(i * last / (MOST_COLUMNS - 1))] for i in range(MOST_COLUMNS)]


def _mean(entry: Entry | None, has_diverged: bool) -> Markup:
    """A mean with its interval; a word where all runs diverged, else nothing for no value."""
    if entry is None or not (entry.exists or has_diverged):
        return Markup()
    return entry.ci if entry.exists else entry.cell("diverged")


def _exact(entry: Entry | None) -> Markup:
    """A number that is the same for every seed, or a mean."""
    if entry is None:
        return Markup()
    is_same = entry.high - entry.low <= 1e-12 * abs(entry.value)
    return entry.cell(entry.short) if is_same else entry.ci


def _left_out(n_models: int, n_columns: int) -> str:
    """What of a table is not in the page, in words."""
    parts = []
    if n_models > MOST_ROWS:
        parts.append(f"{n_models - MOST_ROWS} of {n_models} models")
    if n_columns:
        parts.append(f"{n_columns} more column{'s' if n_columns > 1 else ''}")
    if not parts:
        return ""
    are = "is" if parts == ["1 more column"] else "are"
    return f"{' and '.join(parts)} {are} not shown here, but in the table summary.csv."


def assignments(values: Mapping[str, Any]) -> str:
    """``dim = 2, beta = 10``."""
    return ", ".join(f"{name} = {text_of(value)}" for name, value in values.items())


def listed(values: Iterable[Any]) -> str:
    return ", ".join(text_of(value) for value in values)


def text_of(value: Any) -> str:
    """A setting for people."""
    return value if isinstance(value, str) else numbers.plain(float(value))
