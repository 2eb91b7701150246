"""What a claim is made of: parts, each an estimate over seeds that meets a rule or does not.

A claim's file measures parts. Each has an interval and, where it has a rule, a test of three
outcomes: the rule *holds*, it *fails*, or that is *open*. The p value is two-sided: twice the
smaller of the two one-sided p values, for the rule and against it. The p values of all primary
parts of a family are adjusted together (Holm); only then does the claim decide on its verdict.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts load where they are first used

from irm_bench.judging.evidence import InsufficientError
from irm_bench.statistics import elementary, hypotheses, intervals
from irm_bench.statistics.intervals import Interval
from irm_bench.statistics.power import needed

SUPPORTED, REFUTED = "supported", "refuted"
LIMITED, INCONCLUSIVE = "supported within a stated limit", "inconclusive"
# Of a statement with two halves: one holds, the other is refuted.
PARTLY = "refuted in part"
VERDICTS = (SUPPORTED, LIMITED, PARTLY, REFUTED, INCONCLUSIVE)
HOLDS, FAILS, OPEN = "holds", "fails", "open"
PRIMARY, SECONDARY, FACT = "primary", "secondary", "fact"
ALPHA = 0.05

Outcomes = Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """What a value must be: below or above a bound, or within ± a bound of a target."""

    kind: str
    bound: float
    target: float = 0.0

    def holds(self, values: np.ndarray) -> np.ndarray:
        match self.kind:
            case "below":
                return values < self.bound
            case "above":
                return values > self.bound
            case "within":
                return np.abs(values - self.target) < self.bound
        raise ValueError(f"unknown kind of rule {self.kind!r}")

    def gap(self, values: Any) -> Any:
        """How far values are from the rule's bound, in their unit; below 0 where it is not met."""
        match self.kind:
            case "below":
                return self.bound - values
            case "above":
                return values - self.bound
        return self.bound - np.abs(values - self.target)

    def scaled(self, factor: float) -> "Rule":
        """The rule with its bound, or its margin, multiplied."""
        return replace(self, bound=factor * self.bound)

    @property
    def text(self) -> str:
        if self.kind == "within":
            return f"within ±{self.bound:g} of {self.target:.4g}"
        return f"{self.kind} {self.bound:g}"

    def p_value(self, values: np.ndarray) -> tuple[float, str]:
        """Two-sided p value of the rule for the mean of values (n,), and the test's name."""
        if self.kind != "within":
            bound = np.full_like(values, self.bound)
            return hypotheses.paired_test(values, bound).p_value, "t"
        inside = hypotheses.equivalence(values - self.target, self.bound)[0].p_value
        high, low = (np.full_like(values, self.target + s * self.bound) for s in (1, -1))
        over = hypotheses.paired_test(values, high, "greater").p_value
        under = hypotheses.paired_test(values, low, "less").p_value
        return float(np.minimum(1.0, 2 * np.min([inside, over, under]))), "TOST"


def below(bound: float) -> Rule:
    return Rule("below", bound)


def above(bound: float) -> Rule:
    return Rule("above", bound)


def within(margin: float, target: float = 0.0) -> Rule:
    return Rule("within", margin, target)


@dataclass(frozen=True)
class Part:
    """One estimate of a claim.

    ``singles`` says by seed whether that seed alone meets the rule, where this has a meaning.
    ``cautious`` are by seed the outcomes of a reader of that run alone who knows how far runs
    spread: open where the rule's bound is within the 95% that one run may be off. ``spread`` is
    the standard deviation over seeds and ``gap`` the estimate's distance from the bound, both on
    the scale of the test. ``retest`` gives the p value of another rule on the same values.
    ``place`` says where it was measured (σ, rows, a name …), for the words of the claim.
    ``interval_at`` gives the interval at another level than 95%.
    """

    key: str
    quantity: str
    interval: Interval
    rule: Rule | None = None
    role: str = PRIMARY
    p_value: float = np.nan
    test: str = ""
    truth: float = np.nan
    n_diverged: int = 0
    singles: pd.Series | None = None
    p_adjusted: float = np.nan
    place: Mapping[str, Any] = field(default_factory=dict)
    cautious: pd.Series | None = None
    spread: float = np.nan
    gap: float = np.nan
    retest: Callable[[Rule], float] | None = None
    interval_at: Callable[[float], Interval] | None = None

    @property
    def estimate(self) -> float:
        return self.interval.estimate

    @property
    def outcome(self) -> str:
        """Holds, fails, open; empty for an estimate without a rule."""
        if self.rule is None:
            return ""
        if self.role == FACT:
            return self.side
        p_value = self.p_adjusted if self.role == PRIMARY else self.p_value
        return self.side if p_value < ALPHA else OPEN

    @property
    def side(self) -> str:
        """Whether the estimate meets the rule, however sure that is."""
        if self.rule is None:
            return ""
        return HOLDS if bool(self.rule.holds(np.array([self.estimate]))[0]) else FAILS

    @property
    def seeds_needed(self) -> float:
        """Seeds at which the test finds such a gap in 80% of cases, before Holm's adjustment."""
        if not (np.isfinite(self.gap) and np.isfinite(self.spread)):
            return np.nan
        return needed(abs(self.gap) / self.spread if self.spread > 0 else np.inf)

    def under(self, factor: float) -> "Part":
        """The part if its margin had been ``factor`` times as large; as it is without one."""
        if self.rule is None or self.retest is None or self.role == FACT:
            return self
        rule = self.rule.scaled(factor)
        return replace(self, rule=rule, p_value=self.retest(rule))

    @property
    def share_diverged(self) -> float:
        return self.n_diverged / max(1, self.n_diverged + self.interval.n)


def _finite(key: str, values: pd.Series) -> tuple[pd.Series, int]:
    """The finite values and how many others there are."""
    finite = values[np.isfinite(values.to_numpy(dtype=float))]
    if finite.empty:
        raise InsufficientError(f"has no value of {key!r}: all {len(values)} runs diverged")
    return finite, len(values) - len(finite)


def mean(
    key: str,
    quantity: str,
    values: pd.Series,
    rule: Rule | None = None,
    truth: float = np.nan,
    role: str = PRIMARY,
    place: Mapping[str, Any] | None = None,
) -> Part:
    """The mean over seeds of values by seed, with Student's interval."""
    finite, n_diverged = _finite(key, values)
    array = finite.to_numpy(dtype=float)
    p_value, test = rule.p_value(array) if rule else (np.nan, "")
    singles = pd.Series(rule.holds(array), finite.index) if rule else None
    interval = intervals.t_interval(array)
    role = role if rule else SECONDARY
    part = Part(key, quantity, interval, rule, role, p_value, test, truth, n_diverged, singles)
    part = replace(
        part,
        place=place or {},
        spread=_deviation(array),
        interval_at=lambda level: intervals.t_interval(array, level),
    )
    if rule is None:
        return part
    return replace(
        part,
        cautious=_cautious(rule, array, finite.index),
        gap=float(rule.gap(interval.estimate)),
        retest=lambda other: other.p_value(array)[0],
    )


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan


def _cautious(rule: Rule, values: np.ndarray, seeds: pd.Index) -> pd.Series:
    """Outcomes by seed of a reader who knows how far one run may be off: 95% of runs are nearer."""
    off = scipy.special.stdtrit(max(1, len(values) - 1), 1 - ALPHA / 2) * _deviation(values)
    met = np.where(rule.holds(values), HOLDS, FAILS)
    return pd.Series(np.where(np.abs(rule.gap(values)) > off, met, OPEN), seeds)


def ratio(
    key: str,
    quantity: str,
    numerator: pd.Series,
    denominator: pd.Series,
    rule: Rule | None = None,
    truth: float = np.nan,
    role: str = PRIMARY,
) -> Part:
    """The geometric mean of the ratio of two positive series; interval and test of its log."""
    values, n_diverged = _finite(key, (numerator / denominator).astype(float))
    top, bottom = (s.loc[values.index].to_numpy(dtype=float) for s in (numerator, denominator))
    interval = intervals.ratio_interval(top, bottom)
    logs = elementary.log(values)
    part = Part(key, quantity, interval, role=SECONDARY, truth=truth, n_diverged=n_diverged)
    part = replace(
        part,
        spread=_deviation(logs),
        interval_at=lambda level: intervals.ratio_interval(top, bottom, level),
    )
    if rule is None:
        return part

    def retest(other: Rule) -> float:
        return hypotheses.paired_test(logs, np.full_like(logs, math.log(other.bound))).p_value

    in_logs = replace(rule, bound=math.log(rule.bound))
    return replace(
        part,
        rule=rule,
        role=role,
        p_value=retest(rule),
        test="t of logs",
        singles=pd.Series(rule.holds(values.to_numpy()), values.index),
        cautious=_cautious(in_logs, logs, values.index),
        gap=float(in_logs.gap(logs.mean())),
        retest=retest,
    )


def median(key: str, quantity: str, values: pd.Series, rule: Rule, role: str = PRIMARY) -> Part:
    """The median over seeds, with an order-statistic interval and a sign test of the rule."""
    finite, n_diverged = _finite(key, values)
    array = finite.to_numpy(dtype=float)
    singles = pd.Series(rule.holds(array), finite.index)

    def retest(other: Rule) -> float:
        return float(scipy.stats.binomtest(int(other.holds(array).sum()), len(array)).pvalue)

    interval = intervals.median_interval(array)
    p_value = retest(rule)
    part = Part(key, quantity, interval, rule, role, p_value, "sign", np.nan, n_diverged, singles)
    return replace(
        part,
        cautious=_cautious(rule, array, finite.index),
        spread=_deviation(array),
        retest=retest,
        interval_at=lambda level: intervals.median_interval(array, level),
    )


def wins(key: str, quantity: str, first: pd.Series, second: pd.Series) -> Part:
    """The share of seeds where the first is below the second, paired; a tie counts one half."""
    finite, n_diverged = _finite(key, first - second)
    one, other = (series.loc[finite.index].to_numpy(dtype=float) for series in (first, second))
    return _estimate(key, quantity, n_diverged, partial(intervals.probability_better, one, other))


def rank_correlation(key: str, quantity: str, first: pd.Series, second: pd.Series) -> Part:
    """Spearman's correlation over seeds, with Fisher's interval."""
    finite, n_diverged = _finite(key, first - second)
    one, other = (series.loc[finite.index].to_numpy(dtype=float) for series in (first, second))
    return _estimate(key, quantity, n_diverged, partial(intervals.rank_correlation, one, other))


def _estimate(
    key: str, quantity: str, n_diverged: int, interval_at: Callable[[float], Interval]
) -> Part:
    """A part without a rule, of an interval by its level."""
    interval = interval_at(1 - ALPHA)
    part = Part(key, quantity, interval, role=SECONDARY, n_diverged=n_diverged)
    return replace(part, interval_at=interval_at)


def share(
    key: str,
    quantity: str,
    flags: pd.Series,
    rule: Rule,
    role: str = PRIMARY,
    place: Mapping[str, Any] | None = None,
) -> Part:
    """The share of seeds where a flag is set, with Wilson's interval and a binomial test."""
    count = int(flags.sum())
    interval = intervals.wilson_interval(count, len(flags))

    def retest(other: Rule) -> float:
        bound = min(max(other.bound, 0.0), 1.0)  # a margin may be scaled beyond what a share is
        return float(scipy.stats.binomtest(count, len(flags), bound).pvalue)

    p_value = retest(rule)
    singles = pd.Series(rule.holds(flags.to_numpy(dtype=float)), flags.index)
    part = Part(key, quantity, interval, rule, role, p_value, "binomial", singles=singles)
    return replace(
        part,
        place=place or {},
        retest=retest,
        interval_at=lambda level: intervals.wilson_interval(count, len(flags), level),
    )


def fact(
    key: str,
    quantity: str,
    value: float,
    rule: Rule,
    truth: float = np.nan,
    n: int = 1,
    singles: pd.Series | None = None,
    place: Mapping[str, Any] | None = None,
) -> Part:
    """A number that is not an average over seeds: no interval, no test."""
    interval = Interval(value, np.nan, np.nan, 0.95, "", n)
    return Part(
        key, quantity, interval, rule, FACT, truth=truth, singles=singles, place=place or {}
    )


def adjust(parts: Sequence[Part]) -> list[Part]:
    """The parts of one family, the p values of the primary ones adjusted together (Holm)."""
    tested = [i for i, p in enumerate(parts) if p.role == PRIMARY and not np.isnan(p.p_value)]
    adjusted = list(parts)
    if tested:
        for i, p_value in zip(
            tested, hypotheses.holm([parts[i].p_value for i in tested]), strict=True
        ):
            adjusted[i] = replace(parts[i], p_adjusted=float(p_value))
    return adjusted


def outcomes(parts: Sequence[Part]) -> dict[str, str]:
    """Outcome by key, of the parts that have a rule."""
    return {part.key: part.outcome for part in parts if part.rule}


def some(found: Outcomes, prefix: str = "") -> list[str]:
    """Outcomes of the parts whose key starts with ``prefix``."""
    return [outcome for key, outcome in found.items() if key.startswith(prefix)]


def parts_of(parts: Mapping[str, Part], prefix: str) -> list[Part]:
    """The parts whose key starts with ``prefix``."""
    return [part for key, part in parts.items() if key.startswith(prefix)]


def together(found: Sequence[str]) -> str:
    """Of outcomes that a claim needs all: fails if one fails, holds if all hold, else open."""
    if FAILS in found:
        return FAILS
    return HOLDS if found and all(outcome == HOLDS for outcome in found) else OPEN


def verdict(outcome: str) -> str:
    """The plain verdict that an outcome stands for."""
    return {HOLDS: SUPPORTED, FAILS: REFUTED}.get(outcome, INCONCLUSIVE)


def single_outcomes(parts: Sequence[Part], cautious: bool = False) -> dict[int, dict[str, str]]:
    """By seed, the outcomes that its one run suggests; only seeds with a value for every part.

    ``cautious``: to a reader who leaves open what the run's number is too near to tell. Facts
    without a value a seed, and secondary parts, are the same for all. Empty if a primary part has
    no value a seed, or nothing has.
    """
    asked = {}
    for part in parts:
        if part.singles is not None and part.role != SECONDARY:
            met = part.singles.map({True: HOLDS, False: FAILS})
            asked[part.key] = part.cautious if cautious and part.cautious is not None else met
    if not asked or any(p.singles is None for p in parts if p.role == PRIMARY):
        return {}
    table = pd.DataFrame(asked).dropna()
    rest = {p.key: p.outcome for p in parts if p.rule and p.key not in asked}
    return {
        int(seed): rest | dict(row)
        for seed, row in zip(table.index, table.to_dict("records"), strict=True)
    }
