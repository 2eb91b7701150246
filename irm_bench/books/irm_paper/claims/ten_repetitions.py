"""How many repetitions each comparison needs; the repository's default is ten."""

from collections.abc import Mapping

import numpy as np
from scipy import stats

from irm_bench.books.irm_paper.settings import ERM, ICP, IRM, WHOLE, settings, values
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import FAILS, Outcomes, Part, below, fact, some, together, verdict
from irm_bench.judging.wording import listed

TITLE = "Ten repetitions are enough"
STATEMENT = "The repository's default of ten repetitions orders IRM, ERM and ICP"
SOURCE = "Repository, main.py: --n_reps 10; the shipped file has 200"
SECTION = ("conclusions",)
STUDY = "irm"
FAMILY = "paper"
RULE = (
    "the repetitions at which a paired t test at 5% finds the measured difference in 80% of cases "
    "are at most ten for both rivals in every setting"
)
MIN_SEEDS = 10
DEFAULT, POWER, SIZE = 10, 0.8, 0.05


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, STUDY):
        ours = values(evidence, IRM, setting, WHOLE)
        for name, rival in (("ERM", ERM), ("ICP", ICP)):
            off = (ours - values(evidence, rival, setting, WHOLE)).dropna().to_numpy()
            needed = repetitions(off)
            what = f"repetitions that tell IRM from {name}, {setting.letters}"
            key, n = f"{name} {setting.letters}", len(off)
            parts.append(fact(key, what, needed, below(DEFAULT + 0.5), n=n))
    return parts


def repetitions(differences: np.ndarray) -> float:
    """The least number of paired differences with that power; at least 2, at most a million."""
    spread = differences.std(ddof=1)
    effect = abs(differences.mean()) / spread if spread > 0 else np.inf
    for n in range(2, 1001):
        if effect * np.sqrt(n) > 10 or _power(effect, n) >= POWER:
            return float(n)
    return float(min(np.ceil((2.8 / max(effect, 1e-9)) ** 2), 1e6))


def _power(effect: float, n: int) -> float:
    """Of a two-sided t test of n differences whose mean is ``effect`` standard deviations."""
    limit = stats.t.ppf(1 - SIZE / 2, n - 1)
    beyond = stats.nct.sf(limit, n - 1, effect * np.sqrt(n))
    return float(beyond + stats.nct.cdf(-limit, n - 1, effect * np.sqrt(n)))


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    more = [part for part in parts.values() if part.outcome == FAILS]
    enough = len(parts) - len(more)
    text = f"Ten repetitions are enough for {enough} of {len(parts)} comparisons."
    if not more:
        return text
    ordered = sorted(more, key=lambda part: part.estimate)
    return f"{text} More are needed for {listed(f'{p.key} ({p.estimate:.0f})' for p in ordered)}."
