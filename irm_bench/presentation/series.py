"""What the report calls and how it draws the methods, environments and features of a config."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Environment, Study
from irm_bench.config.layout import set_label
from irm_bench.config.model import Value, short
from irm_bench.planning import plan
from irm_bench.plugins.model import CAUSE
from irm_bench.plugins.registry import Book, Plugin
from irm_bench.storage.paged import Rows

# Where a table holds training sets, whichever of them it has (``Layout.train_column``).
TRAIN_COLUMNS = ("train_sigmas", "train_set")
GREEK = {"sigma": "σ", "gamma": "γ", "tau": "τ", "phi": "φ", "lambda": "λ"}


@dataclass(frozen=True)
class Series:
    """One method, with the penalty that it trains on, as the reader meets it."""

    method: str
    penalty: str
    label: str
    color: str
    marker: str
    dash: Any
    is_control: bool
    takes_penalty: bool

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[(frame["method"] == self.method) & (frame["penalty"] == self.penalty)]


# For plugins that say nothing of their looks: an orange of Okabe and Ito's, and what of Paul Tol's
# muted scheme no plugin of the package has, to be told apart with any kind of sight.
COLORS = ("#e69f00", "#332288", "#44aa99", "#aa4499", "#117733", "#ddcc77")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("solid", "dashed", "dashdot", "dotted")


class Looks:
    """How a config's methods, environments and training sets look to the reader.

    A method looks as its file says, or by its place among the known ones that do not say.
    """

    def __init__(self, config: Config):
        self._book = config.book
        self._plain = {kind: _without_color(config.book, kind) for kind in ("methods", "penalties")}
        self._series: dict[tuple[str, str], Series] = {}  # a page asks for each a hundred times
        self._environments: dict[str, str] = {}
        self._train_sets: dict[str, tuple[Environment, ...]] = {}
        for study in config.studies:
            for members in study.train_sets:
                self._train_sets[set_label(members)] = members
            for environment in environments_of(study):
                self._environments[environment.label] = environment_words(environment)

    def __call__(self, frame: pd.DataFrame) -> list[Series]:
        """The series of a table with the columns method and penalty, in its order."""
        pairs = frame[["method", "penalty"]].drop_duplicates()
        return [self.one(method, penalty) for method, penalty in pairs.itertuples(index=False)]

    def one(self, method: str, penalty: str = "") -> Series:
        """A method's look: its own, or its penalty's where it trains on one."""
        if (method, penalty) not in self._series:
            self._series[method, penalty] = self._found(method, penalty)
        return self._series[method, penalty]

    def _found(self, method: str, penalty: str) -> Series:
        """The look, as the files of method and penalty say."""
        own = self._book.plugin("methods", method)
        look = self._book.plugin("penalties", penalty) if penalty else own
        name = str(own.get("LABEL", method))
        label = f"{name} ({look.get('LABEL', penalty)})" if penalty else name
        place = self._place(look)
        return Series(
            method=method,
            penalty=penalty,
            label=label,
            color=look.get("COLOR", COLORS[place % len(COLORS)]),
            marker=look.get("MARKER", MARKERS[place % len(MARKERS)]),
            dash=look.get("DASH", DASHES[place % len(DASHES)]),
            is_control=bool(own.get("IS_CONTROL", False)),
            takes_penalty=bool(own.get("TAKES_PENALTY", False)),
        )

    def of_study(self, study: Study) -> list[Series]:
        """The series of a study's methods."""
        return [self.one(method.name, method.penalty) for method in study.methods]

    def environment(self, label: str) -> str:
        """An environment of the tables for people, e.g. ``σ = 0.1, γ = −4``; others as they are."""
        return self._environments.get(label, label)

    def train_set(self, label: str) -> str:
        """A training set of the tables for people, e.g. ``{0.1, 1}``; others as they are."""
        return set_words(self._train_sets[label]) if label in self._train_sets else label

    def members(self, label: str) -> list[Value]:
        """The main parameters of a training set of the tables; none of one that is not known."""
        return [environment.main for environment in self._train_sets.get(label, ())]

    def _place(self, plugin: Plugin) -> int:
        """The place of a plugin among those of its kind that have no colour: whatever is drawn."""
        plain = self._plain[plugin.kind]
        return plain.index(plugin.name) if plugin.name in plain else 0


def _without_color(book: Book, kind: str) -> list[str]:
    plugins = [book.plugin(kind, name) for name in book.names(kind)]
    return [plugin.name for plugin in plugins if not plugin.get("COLOR")]


@dataclass(frozen=True)
class Cast:
    """Who plays which part in a study's comparison; None where nobody does."""

    invariant: Series | None
    standard: Series | None
    oracle: Series | None


def cast(study: Study, looks: Looks) -> Cast:
    """The first method that trains on a penalty, the first without one, the first control.

    Only methods that are trained in the study's first setting play a part.
    """
    trained = [m for m in study.methods if study.n_samples[0] <= m.max_n_samples]
    found = [looks.one(method.name, method.penalty) for method in trained]
    return Cast(
        invariant=next((s for s in found if s.takes_penalty), None),
        standard=next((s for s in found if not s.takes_penalty and not s.is_control), None),
        oracle=next((s for s in found if s.is_control), None),
    )


def find_study(config: Config, name: str) -> Study | None:
    return next((study for study in config.studies if study.name == name), None)


def train_column(frame: pd.DataFrame) -> str:
    """The column of a table that holds training sets."""
    return next(column for column in TRAIN_COLUMNS if column in frame)


def at_base(frame: pd.DataFrame, study: Study, *varying: str) -> pd.DataFrame:
    """The rows of a table that belong to a study's first setting (``plan.first_cells``)."""
    found = np.zeros(len(frame), dtype=bool)
    for cell in plan.first_cells(study, *varying):
        where = {"study": study.name, "selection": "", **plan.setting_names(cell)}
        where[train_column(frame)] = cell.train_label
        found |= matches(frame, where)
    return frame[found]


def matches(frame: pd.DataFrame, setting: Mapping[str, Any]) -> np.ndarray:
    """Which rows of a table have these values; a missing value is equal to a missing one.

    Of columns that the table has.
    """
    chosen = np.ones(len(frame), dtype=bool)
    for name, value in setting.items():
        if name in frame:
            column = frame[name]
            is_equal = column.isna() if pd.isna(value) else column == value
            chosen &= is_equal.to_numpy(dtype=bool, na_value=False)
    return chosen


def base_batches(table: Rows, study: Study, *by: str) -> Iterator[pd.DataFrame]:
    """The rows of a study's first setting; those of a method (and value of ``by``) in one frame."""
    return table.batches(["method", "penalty", *by], at_base(table.pieces, study))


def seeds_of(
    environments: Rows, study: Study, split: str, n_samples: int, environment: Environment
) -> pd.DataFrame:
    """The rows of the table ``environments`` for an environment of a study and its seeds."""
    found = environments.find(
        sem=study.sem,
        **study.model.option,
        n_samples=n_samples,
        sampling=study.sampling,
        split=split,
        environment=environment.label,
    )
    return found[found["seed"].isin(study.seeds)]


def environments_of(study: Study) -> list[Environment]:
    """Every environment that a study trains or tests in."""
    found = list(study.test_environments)
    for members in study.train_sets:
        found += members
    return found


def environment_words(environment: Environment) -> str:
    """The parameters that are not the SEM's own, for people: ``σ = 0.1, γ = −4``."""
    words = [f"{GREEK.get(name, name)} = {value_words(value)}" for name, value in environment.told]
    return ", ".join(words) or environment.label


def set_words(members: Iterable[Environment]) -> str:
    """A training set for people: ``{0.1, 1}``; other parameters than the first are named."""
    words = []
    for environment in members:
        is_plain = environment.told == environment.parameters[:1]
        words.append(value_words(environment.main) if is_plain else environment_words(environment))
    return "{" + ", ".join(words) + "}"


def value_words(value: Value) -> str:
    """A parameter's value for people, with a true minus."""
    return value if isinstance(value, str) else short(value).replace("-", "−")


@dataclass(frozen=True)
class Features:
    """The features of a study's SEM: names, φ columns, and which are causes of the target."""

    names: tuple[str, ...]
    causal: tuple[bool, ...]

    def columns(self, causal: bool) -> list[str]:
        return [f"phi_{i + 1}" for i, is_cause in enumerate(self.causal) if is_cause == causal]

    def groups(self) -> Iterator[tuple[str, list[str]]]:
        """("phi_x", its columns), ("phi_z", its columns): causes and the rest."""
        yield "phi_x", self.columns(True)
        yield "phi_z", self.columns(False)


def features(study: Study) -> Features:
    causes = tuple(role == CAUSE for role in study.model.roles)
    return Features(tuple(study.model.feature_names), causes)


def risks(summary: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Exact risks at the test environments of a study's first setting, of every training set."""
    chosen = summary[
        (summary["study"] == study.name)
        & (summary["split"] == "test")
        & (summary["quantity"] == "risk")
        & (summary["ci_method"] == "t")
    ]
    return at_base(chosen, study, "train")
