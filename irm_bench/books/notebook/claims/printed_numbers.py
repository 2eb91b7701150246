"""Whether the numbers that the notebook prints are what one run of the experiment gives."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from irm_bench.judging import printed
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    FACT,
    HOLDS,
    LIMITED,
    REFUTED,
    SECONDARY,
    SUPPORTED,
    Outcomes,
    Part,
    Rule,
)
from irm_bench.judging.wording import listed, percent, rate
from irm_bench.statistics.intervals import Interval

TITLE = "The notebook's printed numbers"
STATEMENT = "Each number that the notebook prints lies in the 95% prediction interval of our runs"
SOURCE = "All outputs: initial and final performance, errors, correlations, ideal performance"
SECTION = ("comparison",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "supported: none outside; limited: some outside, but no more than one more of our own runs "
    "stays within in 95% of cases (conformal: each run held against the others, with the same "
    "slack for rounding); refuted: more"
)
MIN_SEEDS = 20
LEVEL = 0.95


def measure(evidence: Evidence) -> list[Part]:
    evidence.study(STUDY)
    table, values = printed.compare(evidence), printed.values(evidence)
    missing = int((table["n_seeds"] == 0).sum())
    if missing:
        raise InsufficientError(f"needs the notebook's setting: {missing} numbers have no value")
    diverged = values.isna().any()
    values = values.loc[:, ~diverged]
    if values.shape[1] < MIN_SEEDS:
        raise InsufficientError(f"has {values.shape[1]} seeds and needs at least {MIN_SEEDS}")
    count = int((table["inside"] == 0).sum())
    ours = outside_of_others(values, table["half_unit"].to_numpy(dtype=float))
    low, high = np.quantile(ours, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    limit = conformal_limit(ours)
    p_value = float((1 + (ours >= count).sum()) / (1 + len(ours)))
    n = len(ours)
    outside = table[table["inside"] == 0]
    names = outside["where"] + ": " + outside["quantity"]
    return [
        Part(
            "outside",
            "numbers outside; in the brackets, those of 95% of our own runs",
            Interval(count, float(low), float(high), LEVEL, "leave-one-out", n),
            Rule("below", 0.5),
            FACT,
            n_diverged=int(diverged.sum()),
        ),
        Part(
            "as many as ours",
            "numbers outside, against what one more of our own runs stays within in 95% of cases",
            Interval(count, np.nan, np.nan, LEVEL, "", n),
            Rule("below", limit + 0.5),
            FACT,
            p_value=p_value,
            test="leave-one-out rank",
        ),
        Part(
            "numbers",
            f"numbers that the notebook prints; outside are: {'; '.join(names) or 'none'}",
            Interval(len(table), np.nan, np.nan, LEVEL, "", n),
            role=SECONDARY,
            place={"outside": tuple(outside["quantity"])},
        ),
        _plain("independent", "numbers that vary freely, of those printed", independent(values), n),
        _plain("constant", "numbers that no seed changes", float(_is_constant(values).sum()), n),
        _plain(
            "pass", "share of our own runs with no number outside", float((ours == 0).mean()), n
        ),
    ]


def _plain(key: str, quantity: str, value: float, n: int) -> Part:
    return Part(key, quantity, Interval(value, np.nan, np.nan, LEVEL, "", n), role=SECONDARY)


def _is_constant(values: pd.DataFrame) -> np.ndarray:
    """Which numbers (number, seed) are the same in all runs, but for rounding."""
    array = values.to_numpy(dtype=float)
    return np.asarray(np.ptp(array, axis=1) <= 1e-9 * np.abs(array).max(axis=1))


def independent(values: pd.DataFrame) -> float:
    """How many independent numbers vary as these (number, seed) do: (Σλ)² / Σλ² of the eigenvalues
    of their correlations, less the part that n seeds add to Σλ² by chance."""
    varying = values.to_numpy(dtype=float)[~_is_constant(values)]
    if len(varying) < 2:
        return float(len(varying))
    correlations = np.corrcoef(varying)
    k, n = len(varying), varying.shape[1]
    by_chance = k * (k - 1) / (n - 1)
    return float(k**2 / max(k, (correlations**2).sum() - by_chance))


def conformal_limit(ours: np.ndarray) -> float:
    """The count that one more run stays within with a chance of 95% or more.

    That one more exchangeable run ranks at most k among n + 1 has the chance k / (n + 1) (Vovk,
    Gammerman and Shafer 2005). Of too few runs there is no such count.
    """
    rank = int(np.ceil(LEVEL * (len(ours) + 1)))
    return float(np.sort(ours)[rank - 1]) if rank <= len(ours) else np.inf


def outside_of_others(values: pd.DataFrame, half_unit: np.ndarray) -> np.ndarray:
    """How many of each run's numbers (number, seed) lie outside the intervals of the others.

    With the slack that the source's numbers have: half a unit of their last digit (number,).
    """
    array = values.to_numpy(dtype=float)
    n = array.shape[1] - 1
    mean = (array.sum(axis=1, keepdims=True) - array) / n
    squares = ((array**2).sum(axis=1, keepdims=True) - array**2) / n - mean**2
    deviation = np.sqrt(np.maximum(0.0, squares) * n / (n - 1))
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * deviation * np.sqrt(1 + 1 / n)
    # constants differ by rounding
    slack = half_unit[:, None] + 1e-6 * np.abs(array).max(axis=1, keepdims=True)
    return np.asarray((np.abs(array - mean) > half + slack).sum(axis=0))


def decide(outcomes: Outcomes) -> str:
    if outcomes["outside"] == HOLDS:
        return SUPPORTED
    return LIMITED if outcomes["as many as ours"] == HOLDS else REFUTED


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    outside, ours, total = (parts[k] for k in ("outside", "as many as ours", "numbers"))
    count, n = int(outside.estimate), int(total.estimate)
    if not count:
        return f"All {n} numbers lie inside."
    assert ours.rule is not None
    what = listed(dict.fromkeys(total.place["outside"]))
    word = "no more" if ours.outcome == HOLDS else "more"
    return (
        f"{n - count} of {n} numbers lie inside. Outside are {count} ({what}): {word} than the "
        f"{ours.rule.bound - 0.5:g} that {rate(LEVEL)} of our own runs stay within when held "
        f"against the others. {_weight(parts)}"
    )


def _weight(parts: Mapping[str, Part]) -> str:
    """How much the count says: few of the numbers are independent, and some are no findings."""
    total, free, constant = (parts[k].estimate for k in ("numbers", "independent", "constant"))
    return (
        f"The numbers of one run hang together: the {total:.0f} vary like about {free:.0f} "
        f"independent ones, and {constant:.0f} are constants. Of our own runs "
        f"{percent(parts['pass'].estimate)} would have none outside."
    )
