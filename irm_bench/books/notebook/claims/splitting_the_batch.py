"""Splitting the batch: what it does to the penalty's estimate, and to what is learned."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    LIMITED,
    OPEN,
    SECONDARY,
    Outcomes,
    Part,
    above,
    mean,
    parts_of,
    some,
    verdict,
)
from irm_bench.judging.wording import listed, num, percent, pick, say, short

TITLE = "Splitting the batch"
STATEMENT = "Splitting the batch in two does not seem to improve the estimate of the penalty"
SOURCE = (
    "The IRM Penalty, compute_penalty: 'it's unclear why they're doing it this way here, since it "
    "doesn't seem to me like it would improve the estimate'"
)
SECTION = ("penalty", "sample_size")
STUDY = "sample_size"
FAMILY = "notebook"
RULE = (
    "split-half's mean squared error at the oracle, where the penalty is 0, is above plug-in's; "
    "limited: that, but at some n the φ learned with it is nearer to the oracle"
)
TWIN = "split-half's squared error is a quarter of what it is"
MIN_SEEDS = 5
SPLIT, PLUG_IN = (Selection(STUDY, "irm", penalty) for penalty in ("split_half", "plug_in"))


def measure(evidence: Evidence) -> list[Part]:
    draws = _at_oracle(evidence)
    sizes = sorted(set(draws["n_samples"]))
    parts = [_error(draws, sizes, "squared error", "all n"), *_estimates(draws)]
    parts += [_error(draws, [n], f"error at n={n}", f"n = {n:,}", SECONDARY) for n in sizes]
    for n in sizes:
        parts += _learned(evidence, n)
    return parts


def _at_oracle(evidence: Evidence) -> pd.DataFrame:
    """Estimates at the oracle on the study's rows, at every n where the batch is split."""
    study = evidence.study(STUDY)
    draws = evidence.find(
        "penalty_draws",
        sem=study.sem,
        **study.model.option,
        train_sigmas=evidence.cell(SPLIT)["train_sigmas"],
        predictor="causal",
    )
    draws = draws[draws["n_samples"].isin(study.n_samples) & draws["seed"].isin(study.seeds)]
    split = draws.loc[draws["estimator"] == "split_half", "n_samples"]
    if split.empty:
        raise InsufficientError(f"needs split-half estimates on the rows of the study {STUDY!r}")
    return draws[draws["n_samples"].isin(split)]


def _table(draws: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column by (n, σ, seed): one column an estimator."""
    keys = ["n_samples", "sigma", "seed"]
    return draws.pivot_table(index=keys, columns="estimator", values=column)


def _error(
    draws: pd.DataFrame, sizes: list[int], key: str, where: str, role: str = "primary"
) -> Part:
    """Split-half's squared error over plug-in's exact one, less plug-in's over the same."""
    chosen = draws[draws["n_samples"].isin(sizes)]
    squared = _table(chosen, "squared_error")
    exact = _table(
        chosen.assign(exact=chosen["exact_variance"] + chosen["exact_bias"] ** 2), "exact"
    )
    excess = (squared["split_half"] - squared["plug_in"]) / exact["plug_in"]
    truth = (exact["split_half"] / exact["plug_in"] - 1).mean()
    return mean(
        key,
        f"squared error of split-half less plug-in's, over plug-in's, {where}",
        excess.groupby("seed").mean(),
        above(0.0),
        float(truth),
        role,
    )


def _estimates(draws: pd.DataFrame) -> Iterator[Part]:
    """What else there is to say of the estimates at the oracle."""
    estimates, exact = _table(draws, "mean_estimate"), _table(draws, "exact_bias")
    negative, shares = _table(draws, "negative_share"), _table(draws, "exact_negative_share")
    for name in ("plug_in", "split_half", "u_statistic"):
        if name in estimates:
            scaled = (estimates[name] / exact["plug_in"]).groupby("seed").mean()
            what = f"bias of {name} over plug-in's exact bias"
            truth = float((exact[name] / exact["plug_in"]).mean())
            yield mean(f"bias of {name}", what, scaled, truth=truth)
            share = negative[name].groupby("seed").mean()
            what = f"share of negative estimates, {name}"
            yield mean(f"negative {name}", what, share, truth=float(shares[name].mean()))


def _learned(evidence: Evidence, n: int) -> Iterator[Part]:
    """What training with splits does at one n, against plug-in on the same rows."""
    split, plug_in = (Selection(STUDY, m.method, m.penalty, n_samples=n) for m in (SPLIT, PLUG_IN))
    yield mean(
        f"learned at n={n}",
        f"distance of φ from the oracle, split-half less plug-in, n = {n:,}",
        evidence.distance(split) - evidence.distance(plug_in),
        above(0.0),
        place={"n_samples": n},
    )
    for environment in evidence.environments(split):
        difference = evidence.error(split, environment) - evidence.error(plug_in, environment)
        where = f"n = {n:,}, test σ = {environment['sigma']:g}"
        key = f"mse at n={n}, σ={environment['sigma']:g}"
        yield mean(key, f"MSE, split-half less plug-in, {where}", difference)


def _smaller(rows: pd.DataFrame) -> pd.DataFrame:
    is_split = rows["estimator"] == "split_half"
    return rows.assign(squared_error=rows["squared_error"] * np.where(is_split, 0.25, 1.0))


def twin(evidence: Evidence) -> Evidence:
    return controls.changed(evidence, "penalty_draws", _smaller)


def decide(outcomes: Outcomes) -> str:
    error, learned = outcomes["squared error"], some(outcomes, "learned")
    if error == HOLDS and FAILS in learned:
        return LIMITED
    if error == HOLDS and OPEN in learned and HOLDS not in learned:
        return verdict(OPEN)
    return verdict(error)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    error = parts["squared error"]
    word = pick(error.outcome, "larger than", "smaller than", "not clearly different from")
    bias, free = (short(parts[f"bias of {name}"]) for name in ("plug_in", "split_half"))
    return (
        f"At the oracle split-half's mean squared error is {word} plug-in's (by {say(error)} of "
        f"it; to leading order in 1/n: {num(error.truth)}). Plug-in's bias is {bias} times its "
        f"exact value, split-half's {free} times that; "
        f"{percent(parts['negative split_half'].estimate)} of split-half's estimates are "
        f"negative. {_effect(parts)}"
    )


def _effect(parts: Mapping[str, Part]) -> str:
    """What training with splits does to φ, over n."""
    learned = parts_of(parts, "learned")
    words = []
    for where, outcome in (
        ("farther from", HOLDS),
        ("nearer to", FAILS),
        ("about as near to", OPEN),
    ):
        sizes = [f"{part.place['n_samples']:,}" for part in learned if part.outcome == outcome]
        if sizes:
            words.append(f"{where} the oracle at n = {listed(sizes)}")
    return f"Training with it ends {', '.join(words)}."
