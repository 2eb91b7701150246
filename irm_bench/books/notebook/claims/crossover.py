"""IRM is better where σ is small and ERM where it is large; where the two cross."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    SECONDARY,
    Outcomes,
    Part,
    above,
    below,
    mean,
    parts_of,
    some,
    together,
    verdict,
    wins,
    within,
)
from irm_bench.judging.wording import listed, num, pick, say
from irm_bench.planning import exact
from irm_bench.statistics.intervals import Interval

TITLE = "IRM is better where σ is small"
STATEMENT = (
    "The environments with lower variances are where IRM does better; "
    "where the variance is high, the standard model does"
)
SOURCE = (
    "IRM vs. Standard Learning: 'the environments with lower variances is where IRM does better. "
    "When there is high variance, the spurious correlation with Z will help us'"
)
SECTION = ("comparison",)
STUDY = "notebook"
CURVE = "sigma_grid"
FAMILY = "notebook"
RULE = (
    "IRM's MSE below ERM's at every test σ under the closed-form crossing of ERM and the oracle, "
    "and above it at every σ over it; the models' own crossing within ±0.02 of that σ"
)
TWIN = "IRM and ERM are exchanged"
MIN_SEEDS = 5
MARGIN = 0.02
LARGEST = 10.0
MODEL = Selection(STUDY, "irm", "split_half")


def measure(evidence: Evidence, model: Selection = MODEL) -> list[Part]:
    erm = model.other("erm")
    oracle = float(
        _crossing(evidence, model, evidence.causal(model.study), _pooled(evidence, model))
    )
    found = pd.Series(
        _crossing(evidence, model, *(evidence.phi(m).to_numpy(dtype=float) for m in (model, erm))),
        evidence.phi(model).index,
    )
    cross = mean(
        "crossing",
        "σ at which IRM and ERM have the same exact risk",
        found,
        within(MARGIN, oracle),
    )
    parts = [cross, *_environments(evidence, model, erm, oracle)]
    if model == MODEL:
        parts += [*_infinite_rows(evidence, model, oracle), *_curve(evidence, model)]
    return parts


def _infinite_rows(evidence: Evidence, model: Selection, oracle: float) -> Iterator[Part]:
    """Where ERM crosses the oracle, IRM as trained, and IRM at its minimum, with infinite rows.

    Split-half's objective is on average plug-in's there: the penalty's estimate has no noise.
    """
    study, train = evidence.study(model.study), evidence.train_set(model)
    cell = evidence.cell(model)
    weights, rate = (float(cell["error_weight"]),), float(cell["learning_rate"])
    ends = {
        "trained": (
            f"IRM after {cell['steps']:,} updates",
            exact.descents(study, train, weights, rate),
        ),
        "minimum": ("IRM at its objective's minimum", exact.minima(study, train, weights)),
    }
    erm = _pooled(evidence, model)
    values = {"oracle": ("the oracle", oracle)}
    for key, (name, phi) in ends.items():
        values[key] = (name, float(_crossing(evidence, model, phi[0], erm)))
    for key, (name, sigma) in values.items():
        what = f"σ at which ERM and {name} have the same risk, infinitely many rows"
        interval = Interval(sigma, np.nan, np.nan, 0.95, "", len(study.seeds))
        yield Part(f"exact: {key}", what, interval, role=SECONDARY)


def _environments(
    evidence: Evidence, model: Selection, erm: Selection, crossing: float
) -> Iterator[Part]:
    for environment in evidence.environments(model):
        sigma = environment["sigma"]
        low = sigma < crossing
        ours, theirs = (evidence.error(m, environment) for m in (model, erm))
        yield mean(
            f"{'low' if low else 'high'} σ={sigma:g}",
            f"MSE of IRM less ERM's, test σ = {sigma:g}",
            ours - theirs,
            below(0.0) if low else above(0.0),
            place={"sigma": sigma},
        )
        what = f"share of seeds where IRM's MSE is below ERM's, test σ = {sigma:g}"
        yield wins(f"wins σ={sigma:g}", what, ours, theirs)


def _curve(evidence: Evidence, model: Selection) -> Iterator[Part]:
    """The same difference over the finer grid of σ, in exact risk, if the config has it."""
    fine = replace(model, study=CURVE, train=evidence.train_set(model), error_weight=None)
    try:
        for environment in evidence.environments(fine):
            ours, theirs = (
                evidence.error(m, environment, column="risk") for m in (fine, fine.other("erm"))
            )
            sigma = environment["sigma"]
            yield mean(f"grid σ={sigma:g}", f"risk of IRM less ERM's, σ = {sigma:g}", ours - theirs)
    except InsufficientError:
        return


def _pooled(evidence: Evidence, model: Selection) -> np.ndarray:
    return theory.pooled_least_squares(evidence.population(model.study, evidence.train_set(model)))


def _crossing(
    evidence: Evidence, model: Selection, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """σ (...) below which φ ``first`` (..., d) has a lower risk than ``second``; linear in σ².

    0 where it has not even for σ → 0; at most ``LARGEST``, which also stands for everywhere.
    """
    near, far = evidence.family(model.study, 1.0), evidence.family(model.study, 2.0)
    at_1, at_2 = (
        evidence.risk(model.study, first, e) - evidence.risk(model.study, second, e)
        for e in (near, far)
    )
    slope = (at_2 - at_1) / 3.0  # σ² goes from 1 to 4
    at_0 = at_1 - slope
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma = np.where(slope > 0, np.sqrt(np.maximum(0.0, -at_0 / slope)), LARGEST)
        return np.where(at_0 < 0, np.minimum(sigma, LARGEST), 0.0 * at_0)


def twin(evidence: Evidence) -> Evidence:
    return controls.exchanged(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    crossing = parts["crossing"]
    words = []
    for side, yes, no in (("low", "better", "not better"), ("high", "worse", "not worse")):
        found = parts_of(parts, side)
        if found:
            outcome = together([part.outcome for part in found])
            places = listed(f"σ={part.place['sigma']:g} ({say(part)})" for part in found)
            words.append(f"{pick(outcome, yes, no, 'not clearly different')} at {places}")
    near = pick(crossing.outcome, "within", "not within", "perhaps within")
    return (
        f"Against ERM, IRM is {' and '.join(words)} (differences of MSE). The two cross at σ = "
        f"{say(crossing)}, {near} ±{MARGIN:g} of where ERM and the oracle cross by closed form "
        f"({num(_target(crossing))}). {_exact_words(parts)}"
    ).rstrip()


def _target(crossing: Part) -> float:
    assert crossing.rule is not None
    return crossing.rule.target


def _exact_words(parts: Mapping[str, Part]) -> str:
    if "exact: trained" not in parts:
        return ""
    trained, minimum = (num(parts[f"exact: {key}"].estimate, 4) for key in ("trained", "minimum"))
    return (
        f"With infinitely many rows IRM itself crosses ERM at {trained} after as many updates, and "
        f"at {minimum} at its objective's minimum."
    )
