"""With few environments a predictor of environmental features alone is invariant."""

from collections.abc import Mapping

import numpy as np
from scipy import optimize

from irm_bench.books.field.sems import rosenfeld
from irm_bench.books.field.settings import decide
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact
from irm_bench.judging.wording import num

TITLE = "Few environments leave spurious invariant classifiers"
STATEMENT = (
    "With E ≤ d_e environments some combination of environmental features alone has the same "
    "best logistic coefficient everywhere; with E > d_e none has"
)
SOURCE = (
    "Rosenfeld, Ravikumar and Risteski 2021, Theorem 5.1; the mechanism pᵀμ_e = σ_e²·μ̃ is "
    "derived here; as commonly told, not read again"
)
SECTION = ("bits",)
STUDY = "rosenfeld_few"
FAMILY = "field"
RULE = (
    "with two environments the combination p, of pᵀμ_e = 1, has logistic coefficients "
    "that differ by less than 1e-6; with three environments no p comes within 0.01 of "
    "pᵀμ_e = 1"
)
TWIN = "few and many environments in each other's place"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data, rule in (("rosenfeld_few", below(1e-6)), ("rosenfeld_many", above(0.01))):
        study = evidence.study(data)
        places = [int(e["place"]) for e in study.train_sets[0]]
        means = rosenfeld.SPURIOUS_MEANS[places][:, : study.model.option["n_spurious"]]
        p = np.linalg.lstsq(means, np.ones(len(means)), rcond=None)[0]
        if data == STUDY:
            best = [_logistic(float(mean @ p), float(np.linalg.norm(p))) for mean in means]
            gap, what = max(best) - min(best), "difference of the best logistic coefficients"
        else:
            gap, what = float(np.abs(means @ p - 1).max()), "largest |pᵀμ_e − 1| of the best p"
        parts.append(fact(data, f"{what}, {len(means)} environments", gap, rule))
    return parts


def _logistic(mean: float, scale: float) -> float:
    """The coefficient of least logistic risk on u ~ N(y · mean, scale²), by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    u = mean + scale * nodes
    weights = weights / weights.sum()

    def slope(w: float) -> float:
        return float(-(weights * u / (1 + np.exp(w * u))).sum())

    return float(optimize.brentq(slope, 0.0, 50.0, xtol=1e-14))


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(
        evidence, data={"rosenfeld_few": "rosenfeld_many", "rosenfeld_many": "rosenfeld_few"}
    )


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    few, many = parts["rosenfeld_few"], parts["rosenfeld_many"]
    return (
        f"On two environments the coefficients differ by {num(few.estimate)}; on three the best p "
        f"misses pᵀμ_e = 1 by {num(many.estimate)}."
    )
