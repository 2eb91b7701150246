"""Negative controls: a false twin of every claim, which the same rule has to refute.

A claim's file says what its twin makes false (TWIN), and gives the evidence of it
(``twin(evidence)``): another model in place of the claim's, other environments, or changed rows.
A rule that supports its own twin tests nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from irm_bench.config import Environment, MapMethod, Study
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import REFUTED
from irm_bench.plugins.registry import Plugin
from irm_bench.storage.paged import Rows

Judge = Callable[[Evidence, Sequence[Plugin]], list[Any]]
Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Recast(Evidence):
    """Evidence in which one method plays another's part: every look-up of a model goes by it."""

    parts: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def cell(self, model: Selection) -> dict[str, Any]:
        method, penalty = self.parts.get(
            (model.method, model.penalty), (model.method, model.penalty)
        )
        other = replace(model, method=method, penalty=penalty)
        return super().cell(other if penalty else replace(other, error_weight=None))


def exchanged(
    evidence: Evidence, first: tuple[str, str], second: tuple[str, str] = ("erm", "")
) -> Evidence:
    """Two models, each (method, penalty), in each other's place."""
    return _as(Recast, evidence, parts={first: second, second: first})


def in_place_of(
    evidence: Evidence, replaced: tuple[str, str], other: tuple[str, str] = ("erm", "")
) -> Evidence:
    """A model in place of another."""
    return _as(Recast, evidence, parts={replaced: other})


@dataclass(frozen=True)
class Reversed(Evidence):
    """Evidence in which the environments of a split stand in falling order."""

    def environments(self, model: Selection, split: str = "test") -> tuple[Environment, ...]:
        return super().environments(model, split)[::-1]


def reversed_environments(evidence: Evidence) -> Evidence:
    """The environments from the largest σ to the smallest."""
    return _as(Reversed, evidence)


@dataclass(frozen=True)
class OnMap(Evidence):
    """Evidence of the map in which data and methods play the parts of others."""

    played_data: Mapping[str, str] = field(default_factory=dict)
    played_methods: Mapping[str, str] = field(default_factory=dict)

    def study(self, name: str) -> Study:
        return super().study(self.played_data.get(name, name))

    def map_method(self, name: str) -> MapMethod:
        return super().map_method(self.played_methods.get(name, name))

    def find(self, table: str, **where: Any) -> pd.DataFrame:
        for key, played in (("data", self.played_data), ("method", self.played_methods)):
            if where.get(key) in played:
                where[key] = played[where[key]]
        return super().find(table, **where)


def on_map(
    evidence: Evidence,
    data: Mapping[str, str] | None = None,
    methods: Mapping[str, str] | None = None,
) -> Evidence:
    """Data and methods of the map that play the parts of others: by the name of the part."""
    return _as(OnMap, evidence, played_data=data or {}, played_methods=methods or {})


def with_training_set(
    evidence: Evidence, study: str, environments: tuple[Environment, ...]
) -> Evidence:
    """A study that trains on other environments, for claims that look at exact data alone."""
    studies = tuple(
        replace(one, train_sets=(environments,)) if one.name == study else one
        for one in evidence.config.studies
    )
    return replace(evidence, config=replace(evidence.config, studies=studies))


class _Changed(Rows):
    """A table whose rows are changed where they are looked up."""

    def __init__(self, rows: Rows, change: Change):
        self._rows_before, self._change = rows, change
        self.keys = rows.keys

    def find(self, **where: Any) -> pd.DataFrame:
        rows = self._rows_before.find(**where)
        return rows if rows.empty else self._change(rows.copy())


def changed(evidence: Evidence, table: str, change: Change) -> Evidence:
    """Evidence with the rows of a table changed; ``change`` may write into what it is given."""
    rows = _Changed(evidence.tables[table], change)
    return replace(evidence, tables={**evidence.tables, table: rows})


def _as(kind: type[Evidence], evidence: Evidence, **more: Any) -> Evidence:
    return kind(evidence.config, evidence.tables, evidence.findings, **more)


def rows(evidence: Evidence, judge: Judge) -> Iterator[dict[str, object]]:
    """The rows of the table ``controls``: every claim that has a twin."""
    for claim in evidence.config.claims:
        row = row_of(evidence, claim, judge)
        if row is not None:
            yield row


def row_of(evidence: Evidence, claim: Plugin, judge: Judge) -> dict[str, object] | None:
    """The row of a claim; None without a twin, or where the results do not hold what it needs."""
    module = claim.load()
    if not hasattr(module, "twin"):
        return None
    try:
        (finding,) = judge(module.twin(evidence), [claim])
    except InsufficientError:
        return None
    if finding.draft.reason:
        return None
    return {
        "claim": claim.name,
        "title": module.TITLE,
        "twin": module.TWIN,
        "expected": REFUTED,
        "verdict": finding.verdict,
        "as_expected": int(finding.verdict == REFUTED),
        "sentence": finding.sentence,
    }
