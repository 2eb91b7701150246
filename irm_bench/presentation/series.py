"""What the report calls and how it draws the methods, environments and features of a config."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from irm_bench.config import Config, Environment, Study
from irm_bench.config.layout import set_label
from irm_bench.plugins.model import CAUSE
from irm_bench.plugins.registry import Book, Plugin
from irm_bench.statistics.over_seeds import over_seeds
from irm_bench.storage.paged import Rows

GREEK = {"sigma": "σ", "gamma": "γ", "tau": "τ", "phi": "φ", "lambda": "λ"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


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


# For plugins that say nothing of their looks: told apart without seeing colours (Okabe and Ito).
COLORS = ("#009e73", "#cc79a7", "#e69f00", "#8c510a", "#5e3c99", "#35978f")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("solid", "dashed", "dashdot", "dotted")


class Looks:
    """How the methods of a book look: as their files say, or by place among those that do not."""

    def __init__(self, book: Book):
        self._book = book

    def __call__(self, frame: pd.DataFrame) -> list[Series]:
        """The series of a table with the columns method and penalty, in its order."""
        pairs = frame[["method", "penalty"]].drop_duplicates()
        return [self.one(method, penalty) for method, penalty in pairs.itertuples(index=False)]

    def one(self, method: str, penalty: str = "") -> Series:
        """A method's look: its own, or its penalty's where it trains on one."""
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

    def _place(self, plugin: Plugin) -> int:
        """The place of a plugin among those of its kind that have no colour: whatever is drawn."""
        kind = plugin.kind
        plugins = [self._book.plugin(kind, name) for name in self._book.names(kind)]
        plain = [other.name for other in plugins if not other.get("COLOR")]
        return plain.index(plugin.name) if plugin.name in plain else 0


@dataclass(frozen=True)
class Cast:
    """Who plays which part in a study's comparison; None where nobody does."""

    invariant: Series | None
    standard: Series | None
    oracle: Series | None


def cast(study: Study, looks: Looks) -> Cast:
    """The first method that trains on a penalty, the first without one, the first control."""
    found = looks.of_study(study)
    return Cast(
        invariant=next((s for s in found if s.takes_penalty), None),
        standard=next((s for s in found if not s.takes_penalty and not s.is_control), None),
        oracle=next((s for s in found if s.is_control), None),
    )


def find_study(config: Config, name: str) -> Study | None:
    return next((study for study in config.studies if study.name == name), None)


def base(study: Study) -> dict[str, Any]:
    """The study's first setting, by the columns of the tables; error weight of penalties only."""
    return {
        "study": study.name,
        "n_samples": study.n_samples[0],
        "train_sigmas": set_label(study.train_sets[0]),
    }


def at_base(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows of a table that belong to a study's first setting."""
    for column, value in base(study).items():
        frame = frame[frame[column] == value]
    return frame[_has_first_parameters(frame, study)]


def _has_first_parameters(frame: pd.DataFrame, study: Study) -> pd.Series:
    """Which rows are of the first value of every parameter of a study's methods, or of none."""
    chosen = pd.Series(True, frame.index)
    for method in study.methods:
        for name, values in method.grid:
            chosen &= frame[name].isna() | (frame[name] == values[0])
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


def environment_label(label: str) -> str:
    """``sigma=0.1, gamma=-4`` for people: ``σ = 0.1, γ = −4``."""
    parts = (part.split("=") for part in label.split(", ") if part)
    return ", ".join(f"{GREEK.get(k, k)} = {v.replace('-', '−')}" for k, v in parts)


def sigmas_label(train_sigmas: str) -> str:
    """``0.1;1.0`` for people: ``{0.1, 1}``."""
    return "{" + ", ".join(f"{float(sigma):g}" for sigma in train_sigmas.split(";")) + "}"


def feature_label(name: str) -> str:
    """``x_1`` for people: ``X₁``; the target ``y`` is ``ΣY``."""
    if name == "y":
        return "ΣY"
    letter, number = name.split("_")
    return letter.upper() + number.translate(SUBSCRIPTS)


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
    """Exact risks at the test environments of a study's first n_samples and error weight."""
    return summary[
        (summary["study"] == study.name)
        & (summary["split"] == "test")
        & (summary["quantity"] == "risk")
        & (summary["ci_method"] == "t")
        & (summary["n_samples"] == study.n_samples[0])
        & _has_first_parameters(summary, study)
    ]


def effects_over_seeds(models: pd.DataFrame, study: Study, keys: Sequence[str]) -> pd.DataFrame:
    """φ_Z, the mean weight of the effects, over the seeds of each group of ``keys``."""
    effects = models[features(study).columns(causal=False)].mean(axis=1, skipna=False)
    return over_seeds(models.assign(quantity="phi_z", phi_z=effects), ["quantity", *keys], "phi_z")
