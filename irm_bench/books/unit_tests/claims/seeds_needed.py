"""How many seeds each comparison of two methods needs; the paper has fifty."""

import itertools
from collections.abc import Mapping

from irm_bench.books.unit_tests.settings import METHODS, PUBLISHED_RULE, data_sets, errors
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import FAILS, Outcomes, Part, below, fact, some, together, verdict
from irm_bench.judging.wording import listed
from irm_bench.statistics.power import repetitions

TITLE = "Fifty seeds are enough"
STATEMENT = "The paper's fifty seeds order every two methods on every data set"
SOURCE = "Section 4: fifty seeds, standard deviations without intervals"
SECTION = ("choice", "conclusions")
STUDY = "regression"
FAMILY = "choice"
RULE = (
    "the seeds at which a paired t test at 5% finds the measured difference in 80% of cases are at "
    "most fifty for every two methods and every data set of ten seeds or more"
)
MIN_SEEDS = 10
PUBLISHED = 50


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data_set in data_sets(evidence):
        label = data_set.label(evidence)
        for first, second in itertools.combinations(METHODS, 2):
            pair = [errors(evidence, data_set, m, PUBLISHED_RULE) for m in (first, second)]
            differences = (pair[0] - pair[1]).dropna().to_numpy()
            if len(differences) >= MIN_SEEDS:
                key = f"{METHODS[first]} and {METHODS[second]} in {label}"
                needed = repetitions(differences)
                what = f"seeds that tell {key} apart"
                parts.append(fact(key, what, needed, below(PUBLISHED + 0.5), n=len(differences)))
    if not parts:
        raise InsufficientError("needs a data set with ten seeds")
    return parts


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    ordered = sorted(parts.values(), key=lambda part: part.estimate)
    more = [part for part in ordered if part.outcome == FAILS]
    text = f"Fifty seeds are enough for {len(ordered) - len(more)} of {len(ordered)} comparisons"
    text += (
        f"; the hardest of the others needs {ordered[-len(more) - 1].estimate:.0f}"
        if (len(more) < len(ordered))
        else ""
    )
    if more:
        text += f"; more are needed for {listed(f'{p.key} ({p.estimate:.0f})' for p in more)}"
    return f"{text}."
