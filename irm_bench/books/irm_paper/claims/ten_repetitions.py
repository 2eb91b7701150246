"""How many repetitions each comparison needs; the repository's default is ten."""

from collections.abc import Mapping

from irm_bench.books.irm_paper.settings import ERM, ICP, IRM, WHOLE, settings, values
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import FAILS, Outcomes, Part, below, fact, some, together, verdict
from irm_bench.judging.wording import listed
from irm_bench.statistics.power import repetitions

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
DEFAULT = 10


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
