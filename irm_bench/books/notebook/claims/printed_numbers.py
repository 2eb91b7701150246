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
from irm_bench.judging.wording import listed, rate
from irm_bench.statistics.intervals import Interval

TITLE = "The notebook's printed numbers"
STATEMENT = "Each number that the notebook prints lies in the 95% prediction interval of our runs"
SOURCE = "All outputs: initial and final performance, errors, correlations, ideal performance"
SECTION = ("comparison",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "supported: none outside; limited: some outside, but no more than in 95% of our own runs, each "
    "held against the prediction intervals of the others; refuted: more"
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
    ours = outside_of_others(values)
    low, high = np.quantile(ours, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    limit = float(np.quantile(ours, LEVEL))
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
            "numbers outside, against the 95% quantile of our own runs",
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
    ]


def outside_of_others(values: pd.DataFrame) -> np.ndarray:
    """How many of each run's numbers (number, seed) lie outside the intervals of the others."""
    array = values.to_numpy(dtype=float)
    n = array.shape[1] - 1
    mean = (array.sum(axis=1, keepdims=True) - array) / n
    squares = ((array**2).sum(axis=1, keepdims=True) - array**2) / n - mean**2
    deviation = np.sqrt(np.maximum(0.0, squares) * n / (n - 1))
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * deviation * np.sqrt(1 + 1 / n)
    slack = 1e-6 * np.abs(array).max(axis=1, keepdims=True)  # constants differ by rounding
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
        "against the others. The numbers of one run hang together: they fall out in groups."
    )
