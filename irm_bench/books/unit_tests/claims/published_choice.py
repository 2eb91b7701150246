"""Whether the shipped means of example 1 follow from the hyper-parameters that were chosen."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.unit_tests.settings import (
    PUBLISHED_RULE,
    DataSet,
    errors,
)
from irm_bench.judging import printed
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import HOLDS, Outcomes, Part, fact, some, together, verdict, within
from irm_bench.judging.wording import listed, num

TITLE = "The shipped means follow from the chosen hyper-parameters"
STATEMENT = "With the hyper-parameters that the sweep chose, example 1 has the shipped means"
SOURCE = "Repository, data/results_processed.tar.gz: means and chosen hyper-parameters"
SECTION = ("shipped",)
STUDY = "regression_published"
FAMILY = "paper"
RULE = (
    "for every method, plain and scrambled, our mean is within 3.3 standard errors of the shipped "
    "one, about the limit of 5% for ten comparisons together"
)
MIN_SEEDS = 10
# 2.8 for ten normal values together, and room for standard errors that are estimates.
MOST = 3.3


def measure(evidence: Evidence) -> list[Part]:
    config = evidence.config
    table = printed.numbers(config)
    if config.printed is None or table.empty:
        raise InsufficientError("needs the shipped results")
    chosen = (table["where"] == "nenvs") & (table["n_environments"] == 3) & (table["example"] == 1)
    table = table[chosen & table["number"].isna()]
    parts = []
    for name, model in config.printed.models:
        for scramble in (0, 1):
            data_set = DataSet(STUDY, scramble)
            ours = errors(evidence, data_set, model.method, PUBLISHED_RULE).dropna().to_numpy()
            mine = (table["model"] == name) & (table["scramble"] == scramble)
            (theirs,) = table[mine].itertuples()
            error = np.hypot(theirs.standard_error, ours.std(ddof=1) / np.sqrt(len(ours)))
            off = (ours.mean() - theirs.printed) / error
            key = f"{name} {data_set.label(evidence)}"
            told = {"ours": float(ours.mean()), "theirs": float(theirs.printed)}
            what = f"standard errors between our mean and the shipped one, {key}"
            parts.append(fact(key, what, float(off), within(MOST), n=len(ours), place=told))
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    met = [part for part in parts.values() if part.outcome == HOLDS]
    text = f"With the published hyper-parameters {len(met)} of {len(parts)} means are met"
    missed = [part for part in parts.values() if part.outcome != HOLDS]
    if missed:
        words = (
            f"{part.key} ({num(part.place['ours'])} against {num(part.place['theirs'])})"
            for part in missed
        )
        text += f"; not {listed(words)}"
    return f"{text}."
