"""The chapter of a study that its book has none for: what was run, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from irm_bench.config import Study
from irm_bench.config.layout import set_label
from irm_bench.config.model import short
from irm_bench.presentation.series import Looks
from irm_bench.report.ledger import Entry, Ledger

# Of a large grid, so many rows and columns stand in the page; all are in the tables.
MOST_ROWS, MOST_COLUMNS = 40, 8


@dataclass(frozen=True)
class Fact:
    """A line of what a study is made of."""

    name: str
    text: str


@dataclass(frozen=True)
class Line:
    """A method of a study, for people."""

    label: str
    reference: str
    parameters: str


@dataclass(frozen=True)
class Row:
    """A model and its numbers, None where there is none."""

    label: str
    entries: tuple[Entry | None, ...]


@dataclass(frozen=True)
class Table:
    """Means over seeds, a model a row."""

    id: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    left_out: str


@dataclass(frozen=True)
class Chosen:
    """How many seeds a rule takes a model for."""

    rule: str
    model: str
    seeds: int


class Chapter:
    """What the template of a study asks for."""

    def __init__(self, ledger: Ledger, study: Study, looks: Looks):
        self._ledger, self._study, self._looks = ledger, study, looks

    def facts(self) -> list[Fact]:
        """What the study is made of."""
        study = self._study
        sem = study.model.sem
        facts = [("Model of the data", f"{sem.get('LABEL', sem.name)} ({sem.name})")]
        options = [_assignments(model.option) for model in study.models if model.options]
        facts += [("Structure", "; ".join(options))] if options else []
        facts += [
            ("Features", ", ".join(study.model.feature_names)),
            (
                "Trained on",
                " | ".join(
                    self._looks.train_set(set_label(members)) for members in study.train_sets
                ),
            ),
            (
                "Tested on",
                "; ".join(self._looks.environment(e.label) for e in study.test_environments),
            ),
            ("Rows", _listed(study.n_samples)),
            ("Seeds", str(len(study.seeds))),
            ("Loss", str(study.loss.get("LABEL", study.loss.name))),
            ("Steps", f"{study.steps:,}"),
            ("Learning rate", _listed(study.learning_rate.values)),
            ("Start", ", ".join(study.starts)),
        ]
        optimisers = (f"{o.plugin.name} {_assignments(dict(o.params))}" for o in study.optimisers)
        facts.append(("Optimiser", "; ".join(text.strip() for text in optimisers)))
        if study.selection:
            facts.append(("Chosen by", ", ".join(rule.name for rule in study.selection)))
        return [Fact(name, text) for name, text in facts]

    def methods(self) -> list[Line]:
        """Who is compared."""
        lines = []
        for method in self._study.methods:
            label = self._looks.one(method.name, method.penalty).label
            grid = [f"{name} = {_listed(values)}" for name, values in method.grid]
            reference = str(method.plugin.get("REFERENCE", ""))
            lines.append(Line(label, reference, ", ".join(grid)))
        return lines

    def tables(self) -> Iterator[Table]:
        """Errors on rows, exact risks, weights and training: those that there are."""
        metric = str(self._study.loss.metadata["METRICS"][0])
        for quantity, title in ((metric, "Test error"), ("risk", "Exact risk")):
            yield from self._by_environment(quantity, title)
        yield from self._weights()

    def _by_environment(self, quantity: str, title: str) -> Iterator[Table]:
        chosen = self._summary(quantity)
        chosen = chosen[(chosen["split"] == "test") & chosen["mean"].notna()]
        environments = list(chosen["environment"].unique())
        if not environments:
            return
        columns = environments[:MOST_COLUMNS]
        keys = [("environment", environment) for environment in columns]
        labels = tuple(self._looks.environment(str(environment)) for environment in columns)
        what = f"{quantity.replace('_', ' ')}, mean over seeds [95% t interval of the mean]."
        yield self._table(chosen, keys, title, what, labels, len(environments))

    def _weights(self) -> Iterator[Table]:
        names = self._study.model.feature_names
        keys = [("quantity", f"phi_{j + 1}") for j in range(len(names))][:MOST_COLUMNS]
        summary = self._ledger.rows("summary")
        chosen = summary[(summary["study"] == self._study.name) & (summary["ci_method"] == "t")]
        chosen = chosen[chosen["quantity"].isin([quantity for _, quantity in keys])]
        labels = tuple(f"φ({name})" for name in names[:MOST_COLUMNS])
        what = "Mean over seeds [95% t interval of the mean]."
        yield self._table(chosen, keys, "Weights", what, labels, len(names))

    def _summary(self, quantity: str) -> pd.DataFrame:
        summary = self._ledger.rows("summary")
        chosen = (summary["study"] == self._study.name) & (summary["ci_method"] == "t")
        return summary[chosen & (summary["quantity"] == quantity)]

    def _table(
        self,
        frame: pd.DataFrame,
        keys: Sequence[tuple[str, Any]],
        title: str,
        caption: str,
        labels: tuple[str, ...],
        n_columns: int,
    ) -> Table:
        settings = self._settings(frame)
        groups = list(frame.groupby(settings, sort=False, dropna=False))
        rows = []
        for values, group in groups[:MOST_ROWS]:
            entries = tuple(self._entry(group, column, value) for column, value in keys)
            rows.append(Row(self._label(dict(zip(settings, values, strict=True))), entries))
        name = title.lower().replace(" ", "-")
        left_out = _left_out(len(groups), n_columns)
        return Table(f"{name}-{self._study.name}", title, caption, labels, tuple(rows), left_out)

    def _settings(self, frame: pd.DataFrame) -> list[str]:
        """The columns that tell the models of the table apart."""
        about = ("split", "environment", "quantity", "study")
        columns = list(frame.columns[: frame.columns.get_loc("split")])
        always = ("method", "penalty")
        stepped = frame[frame["steps"] > 0]
        of_steps = ("learning_rate", "steps")
        varied = [
            column
            for column in columns
            if column in always or _varies((stepped if column in of_steps else frame)[column])
        ]
        return [column for column in varied if column not in about]

    def _entry(self, group: pd.DataFrame, column: str, value: Any) -> Entry | None:
        rows = group[group[column] == value]
        return self._ledger.value_at("summary", rows.index[0], "mean") if len(rows) else None

    def _label(self, setting: Mapping[str, Any]) -> str:
        """A model in words: its method, and in what it differs from the others."""
        label = self._looks.one(str(setting["method"]), str(setting["penalty"])).label
        told = ("method", "penalty")
        given = {name: value for name, value in setting.items() if not pd.isna(value)}
        others = {name: v for name, v in given.items() if name not in told and v != ""}
        return f"{label}, {_assignments(others)}" if others else label

    def choices(self) -> list[Chosen]:
        """What rules chose: for how many seeds which model; the most frequent ones."""
        if "choices" not in self._ledger:
            return []
        table = self._ledger.rows("choices", study=self._study.name)
        always = ("method", "penalty", "selection")
        columns = [column for column in table if column != "n_seeds"]
        kept = [c for c in columns if c in always or _varies(table[c])]
        found = []
        for row in table.sort_values("n_seeds", ascending=False, kind="stable").to_dict("records"):
            setting = {name: row[name] for name in kept if name != "selection"}
            found.append(Chosen(str(row["selection"]), self._label(setting), int(row["n_seeds"])))
        return found[:MOST_ROWS]


def _varies(column: pd.Series) -> bool:
    return len(column.drop_duplicates()) > 1


def _assignments(values: Mapping[str, Any]) -> str:
    """``dim = 2, beta = 10``."""
    return ", ".join(f"{name} = {_text(value)}" for name, value in values.items())


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(_text(value) for value in values)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else short(value)


def _left_out(n_rows: int, n_columns: int) -> str:
    """What of a table is not in the page, in words."""
    parts = []
    if n_rows > MOST_ROWS:
        parts.append(f"{n_rows - MOST_ROWS} more models")
    if n_columns > MOST_COLUMNS:
        parts.append(f"{n_columns - MOST_COLUMNS} more columns")
    return f"{' and '.join(parts)} are in summary.csv." if parts else ""
