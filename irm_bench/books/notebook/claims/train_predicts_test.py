"""Training performance as a prediction of test performance, on shared and on unseen σ."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from irm_bench.config import Environment
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    Outcomes,
    Part,
    mean,
    parts_of,
    rank_correlation,
    some,
    together,
    verdict,
    within,
)
from irm_bench.judging.wording import listed, num, rate, say

TITLE = "Training performance predicts test performance"
STATEMENT = "Training performance is predictive of performance on the test set, for IRM and for ERM"
SOURCE = (
    "Different Environments: 'we want our training performance … to be predictive of our "
    "performance on the test set (a.k.a. the real world)'"
)
SECTION = ("environments",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "test MSE within ±5% of training MSE at every σ that both have, and at unseen σ the MSE's "
    "distance from dσ² within a tenth of the training environments' average dσ² of their average "
    "distance, for both methods; refuted in part: only the first holds for both"
)
TWIN = "the test errors are a fifth larger than they are"
MIN_SEEDS = 5
SHARED = 0.05
TENTH = 0.1
MODELS = {
    "IRM": Selection(STUDY, "irm", "split_half"),
    "ERM": Selection(STUDY, "erm"),
}


def measure(evidence: Evidence) -> list[Part]:
    train, test = (evidence.environments(MODELS["ERM"], split) for split in ("train", "test"))
    shared, unseen = [e for e in test if e in train], [e for e in test if e not in train]
    if not shared or not unseen:
        raise InsufficientError(f"needs shared and unseen σ among the tests of {STUDY!r}")
    parts: list[Part] = []
    for name, model in MODELS.items():
        parts += _unseen(evidence, name, model, unseen)
        parts += _shared(evidence, name, model, shared)
    return parts


def _shared(
    evidence: Evidence, name: str, model: Selection, environments: list[Environment]
) -> Iterator[Part]:
    for environment in environments:
        sigma = environment["sigma"]
        test, train = (evidence.error(model, environment, split) for split in ("test", "train"))
        rule = within(SHARED, 1.0)
        what = f"test MSE over training MSE of {name}, σ = {sigma:g}"
        place = {"model": name, "sigma": sigma}
        yield mean(f"shared {name} σ={sigma:g}", what, test / train, rule, place=place)
        # of two runs, is the one with the lower training error the better one?
        what = f"rank correlation over seeds of test and training MSE of {name}, σ = {sigma:g}"
        yield rank_correlation(f"seeds {name} σ={sigma:g}", what, test, train)


def _unseen(
    evidence: Evidence, name: str, model: Selection, environments: list[Environment]
) -> Iterator[Part]:
    train = evidence.environments(model, "train")
    floors = [evidence.floor(STUDY, e) for e in train]
    errors = [evidence.error(model, e, "train") for e in train]
    excess = _mean([error - floor for error, floor in zip(errors, floors, strict=True)])
    relative = _mean([error / floor for error, floor in zip(errors, floors, strict=True)])
    for environment in environments:
        sigma, floor = environment["sigma"], evidence.floor(STUDY, environment)
        mse = evidence.error(model, environment)
        what = f"MSE − dσ² of {name} at unseen σ = {sigma:g} less its training average"
        rule = within(TENTH * float(np.mean(floors)))
        place = {"model": name, "sigma": sigma}
        yield mean(f"unseen {name} σ={sigma:g}", what, mse - floor - excess, rule, place=place)
        what = f"MSE over dσ² of {name} at unseen σ = {sigma:g} over its training average"
        yield mean(f"relative {name} σ={sigma:g}", what, mse / floor / relative)


def _mean(series: list[pd.Series]) -> pd.Series:
    return pd.concat(series, axis=1).mean(axis=1, skipna=False)


def _larger(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(mse=rows["mse"] * np.where(rows["split"] == "test", 1.2, 1.0))


def twin(evidence: Evidence) -> Evidence:
    return controls.changed(evidence, "errors", _larger)


def decide(outcomes: Outcomes) -> str:
    shared, unseen = (together(some(outcomes, kind)) for kind in ("shared", "unseen"))
    if shared == HOLDS and unseen == FAILS:
        return PARTLY
    return verdict(FAILS if shared == FAILS else OPEN if OPEN in (shared, unseen) else HOLDS)


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    words = []
    for part in parts_of(parts, "unseen"):
        model, sigma = part.place["model"], f"σ={part.place['sigma']:g}"
        times = num(parts[f"relative {model} {sigma}"].estimate)
        words.append(
            f"{_word(part)} for {model} at {sigma} (off by {say(part)}; relative to dσ² the "
            f"MSE is {times} times what it is in training)"
        )
    return f"{_shared_words(parts)} At unseen σ it predicts MSE − dσ² {'; '.join(words)}."


def _word(part: Part) -> str:
    return {HOLDS: "well", FAILS: "badly"}.get(part.outcome, "well or badly")


def _shared_words(parts: Mapping[str, Part]) -> str:
    places: dict[str, list[str]] = {FAILS: [], OPEN: [], HOLDS: []}
    for part in parts_of(parts, "shared"):
        places[part.outcome].append(f"{part.place['model']} σ={part.place['sigma']:g}")
    off, open_ = places[FAILS], places[OPEN]
    if off:
        return f"At shared σ training error misses test error by {rate(SHARED)}: {listed(off)}."
    if open_:
        return (
            f"At shared σ it is open whether training error predicts test error: {listed(open_)}."
        )
    return f"At shared σ training error predicts test error to within {rate(SHARED)} for both."
