"""The chapter of a study that its book has none for: what was run, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from irm_bench.config import Environment, Method, Study
from irm_bench.config.layout import set_label
from irm_bench.config.model import GAUSSIAN, SINGLE
from irm_bench.presentation.series import Looks
from irm_bench.report.ledger import Ledger
from irm_bench.report.study_tables import (
    MOST_ROWS,
    StudyTables,
    Table,
    assignments,
    listed,
    text_of,
)

# Of a long list of environments or training sets, so many are named.
MOST_NAMED = 20


@dataclass(frozen=True)
class Fact:
    """A line of what a study is made of."""

    name: str
    text: str


@dataclass(frozen=True)
class Line:
    """A method of a study, for people."""

    label: str
    words: str


@dataclass(frozen=True)
class Chosen:
    """How many seeds a rule takes a model for."""

    rule: str
    model: str
    seeds: int


class Chapter:
    """What the template of a study asks for; ``keys`` are the columns that tell models apart."""

    def __init__(self, ledger: Ledger, study: Study, looks: Looks, keys: Sequence[str]):
        self._ledger, self._study, self._looks = ledger, study, looks
        self._keys = keys

    def facts(self) -> list[Fact]:
        """What the study is made of."""
        return [Fact(*fact) for fact in (*self._of_data(), *self._of_training())]

    def _of_data(self) -> Iterator[tuple[str, str]]:
        study, sem = self._study, self._study.model.sem
        label = f"{sem.get('LABEL', sem.name)} ({sem.name})"
        reference = sem.get("REFERENCE", "")
        yield "Model of the data", f"{label}: {reference}" if reference else label
        structures = [assignments(model.option) for model in study.models if model.options]
        if structures:
            yield "Structure", "; ".join(structures)
        features = dict.fromkeys(", ".join(model.feature_names) for model in study.models)
        yield "Features", "; or ".join(features)
        sets = (self._looks.train_set(set_label(members)) for members in study.train_sets)
        yield "Trained on", _named(list(sets), "; ")
        yield "Tested on", self._environments(study.test_environments)
        words = f"{listed(study.n_samples)} a training environment"
        yield "Rows", f"{words}, {text_of(study.n_test_samples)} a test environment"
        if study.sampling != "rows":
            yield "Sampling", f"{study.sampling}: no row is drawn, but their moments by their law"
        if study.splits == GAUSSIAN and any("splits" in method.needs for method in study.methods):
            yield "Splits", "gaussian: what a step sees of its split is drawn from its normal law"
        yield "Seeds", str(len(study.seeds))

    def _of_training(self) -> Iterator[tuple[str, str]]:
        study = self._study
        yield "Loss", str(study.loss.get("LABEL", study.loss.name))
        if any(method.is_stepped for method in study.methods):
            optimisers = (
                f"{o.plugin.get('LABEL', o.plugin.name)} {assignments(dict(o.params))}".strip()
                for o in study.all_optimisers
            )
            yield "Optimiser", "; ".join(optimisers)
            yield "Start", ", ".join(study.starts)
            words = ", in single precision" if study.precision == SINGLE else ""
            yield "Updates", f"{study.steps:,}{words}"
            yield "Learning rate", self._learning_rate()
        for rule in study.selection:
            held_out = f", held out: {self._environments(rule.environments)}"
            yield "Chosen by", rule.name + (held_out if rule.environments else "")

    def _learning_rate(self) -> str:
        rate = self._study.learning_rate
        words = listed(rate.values)
        if rate.rule == "capped":
            words += f", or {text_of(rate.safety)} times the largest stable one where that is less"
        return words

    def _environments(self, environments: Sequence[Environment]) -> str:
        return _named([self._looks.environment(e.label) for e in environments], "; ")

    def methods(self) -> list[Line]:
        """Who is compared: where each comes from, and its parameters."""
        lines = []
        for method in self._study.methods:
            label = self._looks.one(method.name, method.penalty).label
            lines.append(Line(label, "; ".join(_words(method))))
        return lines

    def tables(self) -> Iterator[Table]:
        """Errors on rows, exact risks and weights: those that there are."""
        return StudyTables(self._ledger, self._study, self._looks, self._keys).tables()

    def choices(self) -> list[Chosen]:
        """What rules chose: for how many seeds which model; the most frequent ones."""
        if "choices" not in self._ledger:
            return []
        table = self._ledger.rows("choices", study=self._study.name)
        makes = StudyTables(self._ledger, self._study, self._looks, self._keys)
        kept = [key for key in makes.settings if key != "selection"]
        groups = table.groupby(["selection", *kept], sort=False, dropna=False)["n_seeds"]
        counts = groups.sum().sort_values(ascending=False, kind="stable")
        found = []
        for (rule, *values), count in counts.items():
            model = makes.label(dict(zip(kept, values, strict=True)))
            found.append(Chosen(str(rule), model, int(count)))
        return found[:MOST_ROWS]


def _words(method: Method) -> Iterator[str]:
    """Where a method and its penalty come from, and its parameters."""
    reference = method.plugin.get("REFERENCE", "")
    if reference:
        yield str(reference)
    penalty = method.penalty_plugin
    if penalty is not None and penalty.get("REFERENCE"):
        yield f"penalty: {penalty.get('REFERENCE')}"
    for name, values in method.grid:
        yield f"{name} = {listed(values)}"


def _named(words: list[str], separator: str) -> str:
    """A list, cut where it is long."""
    shown = separator.join(words[:MOST_NAMED])
    more = len(words) - MOST_NAMED
    return f"{shown}{separator}and {more} more in the config" if more > 0 else shown
