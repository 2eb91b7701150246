"""ERM's potential error: bounded over the σ family, unbounded where Z's mechanism changes."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from irm_bench import theory
from irm_bench.config import Environment
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LIMITED,
    REFUTED,
    SUPPORTED,
    Outcomes,
    Part,
    above,
    below,
    mean,
)
from irm_bench.judging.wording import num, pick, say
from irm_bench.theory import small

TITLE = "ERM's potential error is unbounded"
STATEMENT = "The potential error of the standard model is unbounded"
SOURCE = (
    "Where Does IRM Help?: 'the equation for Z could change in many other ways; … So the potential "
    "error for the standard model is unbounded'"
)
SECTION = ("where", "z_mechanism")
STUDY = "z_mechanism"
FAMILY = "notebook"
RULE = (
    "unbounded where Z = γY + N(0, 1) changes: the coefficient of γ² in ERM's risk above 0; "
    "bounded over the σ family: its excess risk over the oracle falls with σ², so that it stays "
    "below its limit for σ → 0; limited: both"
)
KIND = "check"
TWIN = "the risk of ERM falls with γ²"
MIN_SEEDS = 5
MODEL = Selection(STUDY, "irm", "split_half")


def measure(evidence: Evidence) -> list[Part]:
    erm = MODEL.other("erm")
    exact = theory.pooled_least_squares(evidence.population(STUDY, evidence.train_set(erm)))
    sigma = _largest_sigma(evidence)
    growth = "coefficient of γ² in the risk of {}, σ = " + f"{sigma:g}"
    ours = {name: _growth(evidence, m, sigma) for name, m in (("ERM", erm), ("IRM", MODEL))}
    z = exact[evidence.causal(STUDY) == 0]
    # Var(Y_j) = 2σ², each part j of Y seen through its own Z_j
    truth = float(2 * sigma**2 * (z**2).sum())
    slope, limit = _over_sigma(evidence, evidence.phi(erm))
    exact_slope, exact_limit = _over_sigma(evidence, pd.DataFrame([exact]))
    return [
        mean("growth", growth.format("ERM"), ours["ERM"], above(0.0), truth),
        mean(
            "slope",
            "coefficient of σ² in ERM's excess risk over the oracle",
            slope,
            below(0.0),
            float(exact_slope.iloc[0]),
        ),
        mean("limit", "ERM's excess risk for σ → 0", limit, truth=float(exact_limit.iloc[0])),
        mean("growth of IRM", growth.format("IRM"), ours["IRM"], above(0.0), role="secondary"),
        mean(
            "growth of the oracle",
            growth.format("the oracle"),
            _growth(evidence, MODEL.other("oracle"), sigma),
        ),
        *_with_noise(evidence, erm, sigma, float((z**2).sum())),
    ]


def _largest_sigma(evidence: Evidence) -> float:
    return max(e["sigma"] for e in evidence.environments(MODEL))


def _growth(evidence: Evidence, model: Selection, sigma: float) -> pd.Series:
    """Coefficient of γ² in the risk, by seed; the risk is exactly quadratic in γ."""
    found = [e for e in evidence.environments(model) if _only("gamma", e, sigma)]
    gammas = [e["gamma"] for e in found]
    if len(set(gammas)) < 3:
        raise InsufficientError(f"needs three values of γ at σ = {sigma:g} in the study {STUDY!r}")
    table = pd.concat([evidence.error(model, e, column="risk") for e in found], axis=1)
    finite = table[np.isfinite(table.to_numpy(dtype=float)).all(axis=1)]
    leading = _leading(np.array(gammas, dtype=float), finite.to_numpy(dtype=float))
    return pd.Series(leading, finite.index).reindex(table.index)


def _leading(points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Leading coefficients (seed,) of the parabolas through values (seed, point), least squares."""
    powers = np.stack([np.ones_like(points), points, points**2])
    sides = small.apply(powers, values)
    return small.solve(small.multiply(powers, powers.T), sides)[:, -1]


def _only(name: str, environment: Environment, sigma: float) -> bool:
    """Whether nothing but one parameter differs from the training environments' mechanism."""
    rest = {k: v for k, v in environment.mapping.items() if k not in ("sigma", name)}
    named = name in environment.mapping and environment["sigma"] == sigma
    return named and all(v == 1.0 for v in rest.values())


def _with_noise(evidence: Evidence, model: Selection, sigma: float, truth: float) -> Iterator[Part]:
    """Coefficient of τ² in the risk, which is linear in it, if the study varies τ."""
    found = [e for e in evidence.environments(model) if _only("tau", e, sigma)]
    if len(found) > 1:
        low, high = min(found, key=lambda e: e["tau"]), max(found, key=lambda e: e["tau"])
        rise = evidence.error(model, high, column="risk") - evidence.error(
            model, low, column="risk"
        )
        slope = rise / (high["tau"] ** 2 - low["tau"] ** 2)
        yield mean(
            "noise", f"coefficient of τ² in the risk of ERM, σ = {sigma:g}", slope, None, truth
        )


def _over_sigma(evidence: Evidence, phi: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Slope in σ², and limit for σ → 0, of the excess risk over the oracle: both exact, by seed."""
    near, far = (evidence.family(STUDY, sigma) for sigma in (1.0, 2.0))
    array = phi.to_numpy(dtype=float)
    at_1, at_2 = (evidence.risk(STUDY, array, e) - evidence.floor(STUDY, e) for e in (near, far))
    slope = (at_2 - at_1) / 3.0  # σ² goes from 1 to 4
    return pd.Series(slope, phi.index), pd.Series(at_1 - slope, phi.index)


def _falling(rows: pd.DataFrame) -> pd.DataFrame:
    if "gamma" not in rows:
        return rows
    return rows.assign(risk=rows["risk"] - 2 * rows["risk"] * rows["gamma"] ** 2)


def twin(evidence: Evidence) -> Evidence:
    return controls.changed(evidence, "errors", _falling)


def decide(outcomes: Outcomes) -> str:
    growth, bounded = outcomes["growth"], outcomes["slope"]
    if growth == HOLDS and bounded == FAILS:
        return SUPPORTED
    if growth == HOLDS and bounded == HOLDS:
        return LIMITED
    return REFUTED if growth == FAILS else INCONCLUSIVE


def _irm_words(irm: Part) -> str:
    return pick(irm.outcome, "unbounded too", "bounded", "perhaps unbounded too")


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    growth, slope, limit, irm = (parts[k] for k in ("growth", "slope", "limit", "growth of IRM"))
    grows = pick(growth.outcome, "without bound", "not at all", "perhaps")
    family = pick(
        slope.outcome,
        f"never exceeds its limit for σ → 0, {say(limit)} (exact: {num(limit.truth)})",
        "grows without bound",
        "may be bounded or not",
    )
    share = irm.estimate / growth.estimate
    oracle = parts["growth of the oracle"]
    return (
        f"Where the mechanism of Z changes, ERM's risk grows {grows}, as {say(growth)} γ² (exact: "
        f"{num(growth.truth)}), the oracle's as {num(round(oracle.estimate, 12), 2)} γ², IRM's "
        f"with {num(share, 2)} of ERM's coefficient. Any weight on Z does this: by the same "
        f"rule IRM's error is {_irm_words(irm)}. Over the σ family alone ERM's excess risk "
        f"over the oracle {family}."
    )
