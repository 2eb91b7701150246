"""Stage 7: the tables of results → what they say of the source's numbers and conclusions.

A claim is a file of the book's ``claims`` with the constants TITLE, STATEMENT (what is claimed),
SOURCE (where the book's source claims it), SECTION (names of the chapters that tell its verdict,
a tuple), STUDY (that it looks at first), FAMILY (of tests adjusted together), RULE (the decision
rule in words) and MIN_SEEDS, its margins, and three functions:

    measure(evidence) -> list[Part]         the first part is the one that ``claims.csv`` shows
    decide(outcomes by part key) -> verdict
    sentence(parts by key, verdict) -> str  composed from the numbers

A claim that is about the findings of others has AFTER = True: it is judged when they are. One that
cannot come out false, as an identity of the data or of the models, says KIND = "check".

A claim should come with a negative control: TWIN says what is made false, and ``twin(evidence)``
gives the evidence of that (``judging/controls.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from irm_bench.config import Config
from irm_bench.judging import controls, findings, looks, margins, printed, registration
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import FAILS, INCONCLUSIVE, OPEN, PRIMARY, SECONDARY, Part
from irm_bench.judging.wording import percent, rate
from irm_bench.plugins.registry import Plugin
from irm_bench.statistics import intervals
from irm_bench.storage import tables
from irm_bench.storage.contracts import Contract
from irm_bench.storage.contracts.judged import CLAIM_DETAILS, CLAIMS, CONTROLS, LOOKS, MARGINS

# With a larger share of runs diverged, those that are left say little of a method.
MAX_DIVERGED = 0.05
NO_READINGS = pd.DataFrame({"plain": [], "cautious": []}, dtype=object)
FINDING = "finding"
# Of the tests of a claim that do not hold, so many are named.
MOST_EXCEPTIONS = 3


@dataclass(frozen=True)
class Draft:
    """A claim with its parts measured, or the reason why they cannot be."""

    name: str
    module: ModuleType
    parts: tuple[Part, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """A judged claim.

    ``readings`` are the verdicts that each seed's run alone leads to, a row a seed: those of a
    reader who takes the run's numbers as they are (``plain``), and of one who knows how far one run
    may be off, and so may find it inconclusive (``cautious``). Empty where no run can be asked.
    """

    draft: Draft
    verdict: str
    sentence: str
    readings: pd.DataFrame

    @property
    def name(self) -> str:
        return self.draft.name

    @property
    def title(self) -> str:
        return str(self.draft.module.TITLE)

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.draft.parts

    @property
    def disagree(self) -> pd.Series:
        """By seed, whether its one run, taken as it is, leads to another verdict."""
        return self.readings["plain"] != self.verdict

    @property
    def misled(self) -> pd.Series:
        """By seed, whether even a cautious reader of its run concludes something else."""
        return ~self.readings["cautious"].isin([self.verdict, INCONCLUSIVE])

    @property
    def undecided(self) -> pd.Series:
        """By seed, whether a cautious reader of its run cannot tell."""
        return self.readings["cautious"] == INCONCLUSIVE

    @property
    def weakness(self) -> str:
        """Why its evidence is too weak for any verdict; empty if it is not."""
        return self.draft.reason or _weakness(self.draft)

    @property
    def is_diverged(self) -> bool:
        """Whether too many runs diverged, which more seeds do not mend."""
        return _most_diverged(self.draft.parts) > MAX_DIVERGED

    @property
    def exceptions(self) -> list[Part]:
        """The tests of the claim that do not hold."""
        return [p for p in self.parts if p.role != SECONDARY and p.outcome in (FAILS, OPEN)]


def run(config: Config, folder: Path | str, output: Path | str) -> None:
    """Read the results from ``folder`` and write the judged tables into ``output``."""
    contracts = tables.contracts(config)
    found = {
        n: tables.open_rows(Path(folder) / f"{n}.csv", contracts[n])
        for n in tables.of_seeds(config)
    }
    for name, frame in all_tables(Evidence(config, found)).items():
        tables.write(Path(output) / f"{name}.csv", frame, contracts[name])


def all_tables(evidence: Evidence) -> Mapping[str, pd.DataFrame]:
    """The judged tables by name."""
    looked = judge_at_all_looks(evidence, evidence.config.claims)
    concluded = looked[-1]
    contracts = tables.contracts(evidence.config)
    registered = registration.of_config(evidence.config)
    judged = {
        "printed": printed.compare(evidence).reindex(columns=contracts["printed"].names),
        "claims": _frame([_row(f, registered.status(f.draft.module)) for f in concluded], CLAIMS),
        "margins": _frame([row for f in concluded for row in margins.rows(f)], MARGINS),
        "controls": _frame(list(controls.rows(evidence, judge)), CONTROLS),
        "claim_details": _frame([_detail(f, p) for f in concluded for p in f.parts], CLAIM_DETAILS),
    }
    if evidence.config.look:
        rows: list[dict[str, object]] = []
        for number, found_then in enumerate(looked, start=1):
            rows += looks.rows(found_then, evidence.config.at_look(number))
        judged["looks"] = _frame(rows, LOOKS)
    return judged


def judge(evidence: Evidence, claims: Sequence[Plugin]) -> list[Finding]:
    """The findings of claims, in their order, from all that there is now."""
    return _judge_once(evidence, claims, {})


def judge_at_all_looks(evidence: Evidence, claims: Sequence[Plugin]) -> list[list[Finding]]:
    """The findings of claims at every look at the results, of seeds that are fixed at one alone.

    What a look has decided stands at those after it.
    """
    if not evidence.config.look:
        return [judge(evidence, claims)]
    looked: list[list[Finding]] = []
    for number in range(1, evidence.config.look + 1):
        earlier = looks.judged_parts(looked[-1]) if looked else {}
        looked.append(_judge_once(evidence.at_look(number), claims, earlier))
    return looked


def _judge_once(
    evidence: Evidence, claims: Sequence[Plugin], earlier: looks.Parts
) -> list[Finding]:
    modules = {claim.name: claim.load() for claim in claims}
    first = [name for name in modules if not getattr(modules[name], "AFTER", False)]
    judged = {f.name: f for f in _judge_together(evidence, {n: modules[n] for n in first}, earlier)}
    later = {name: module for name, module in modules.items() if name not in judged}
    informed = replace(evidence, findings=tuple(judged.values()))
    judged |= {f.name: f for f in _judge_together(informed, later, earlier)}
    return [judged[name] for name in modules]


def _judge_together(
    evidence: Evidence, modules: Mapping[str, ModuleType], earlier: looks.Parts
) -> list[Finding]:
    drafts = [draft(evidence, name, module) for name, module in modules.items()]
    concluded = []
    for one in adjusted(drafts):
        parts = tuple(looks.remembering(one.name, part, earlier) for part in one.parts)
        concluded.append(conclude(replace(one, parts=parts)))
    return concluded


def draft(evidence: Evidence, name: str, module: ModuleType) -> Draft:
    """Measure a claim; where seeds are added, what it finds counts by the look's share."""
    try:
        measured = module.measure(evidence)
    except InsufficientError as error:
        return Draft(name, module, reason=str(error))
    look = evidence.config.look
    return Draft(name, module, tuple(looks.at_its_share(part, look) for part in measured))


def adjusted(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with the p values of each family adjusted together."""
    changed = list(drafts)
    for family in dict.fromkeys(draft.module.FAMILY for draft in drafts):
        mine = [i for i, draft in enumerate(drafts) if family == draft.module.FAMILY]
        parts = iter(findings.adjust([part for i in mine for part in drafts[i].parts]))
        for i in mine:
            own = tuple(next(parts) for _ in drafts[i].parts)
            changed[i] = replace(drafts[i], parts=own)
    return changed


def conclude(draft: Draft) -> Finding:
    """The verdict of an adjusted draft, its sentence, and the seeds that would say otherwise."""
    reason = draft.reason or _weakness(draft)
    if reason:
        return Finding(draft, INCONCLUSIVE, f"Cannot be judged: {reason}.", NO_READINGS)
    verdict = draft.module.decide(findings.outcomes(draft.parts))
    sentence = draft.module.sentence({part.key: part for part in draft.parts}, verdict)
    return Finding(draft, verdict, sentence, _readings(draft, verdict))


def _weakness(draft: Draft) -> str:
    """Why the evidence is too weak for any verdict; empty if it is not."""
    primary = [part for part in draft.parts if part.role == PRIMARY]
    if not primary:
        return ""
    weakest = min(primary, key=lambda part: part.interval.n)
    if _most_diverged(primary) > MAX_DIVERGED:
        lost = max(primary, key=lambda part: part.share_diverged)
        total = lost.n_diverged + lost.interval.n
        return (
            f"{lost.n_diverged} of {total} runs diverged ({percent(lost.share_diverged)}), "
            f"more than {rate(MAX_DIVERGED)}"
        )
    if weakest.interval.n < draft.module.MIN_SEEDS:
        return f"has {weakest.interval.n} seeds and needs at least {draft.module.MIN_SEEDS}"
    return ""


def _most_diverged(parts: Sequence[Part]) -> float:
    """The largest share of runs that diverged, of the primary parts."""
    return max((part.share_diverged for part in parts if part.role == PRIMARY), default=0.0)


def _readings(draft: Draft, verdict: str) -> pd.DataFrame:
    """By seed, the claim's own decision on that one run; none where all of them decide nothing."""
    if verdict == INCONCLUSIVE:
        return NO_READINGS
    said = {}
    for reader, is_cautious in (("plain", False), ("cautious", True)):
        singles = findings.single_outcomes(draft.parts, is_cautious)
        verdicts = {seed: draft.module.decide(outcomes) for seed, outcomes in singles.items()}
        said[reader] = pd.Series(verdicts, dtype=object)
    return pd.DataFrame(said)


def _frame(rows: Sequence[Mapping[str, object]], contract: Contract) -> pd.DataFrame:
    """Rows as a frame with the contract's columns, also when there are none."""
    return pd.DataFrame(rows, columns=contract.names)


def _row(finding: Finding, status: str) -> dict[str, object]:
    module = finding.draft.module
    shown = finding.parts[0] if finding.parts else None
    row = {
        "claim": finding.name,
        "title": module.TITLE,
        "kind": getattr(module, "KIND", FINDING),
        "status": status,
        "family": module.FAMILY,
        "study": module.STUDY,
        "verdict": finding.verdict,
        "sentence": finding.sentence,
        "bound": shown.rule.text if shown is not None and shown.rule else "",
        "exceptions": _in_words(finding.exceptions),
        "rule": module.RULE,
        "statement": module.STATEMENT,
        "source": module.SOURCE,
        "quantity": "",
        "ci_method": "",
    }
    if shown is not None:
        row |= _numbers(shown)
    if len(finding.readings):
        count = int(finding.disagree.sum())
        share = intervals.wilson_interval(count, len(finding.readings))
        row |= {
            "single_seed_disagree": share.estimate,
            "single_seed_low": share.low,
            "single_seed_high": share.high,
            "single_seed_misled": float(finding.misled.mean()),
            "single_seed_undecided": float(finding.undecided.mean()),
        }
    needed = [p.seeds_needed for p in finding.parts if p.role == PRIMARY]
    row["seeds_needed"] = max((n for n in needed if np.isfinite(n)), default=np.nan)
    return row


def _in_words(exceptions: Sequence[Part]) -> str:
    """Tests that do not hold, each with its outcome: the first few."""
    words = [f"{part.key}: {part.outcome}" for part in exceptions[:MOST_EXCEPTIONS]]
    rest = len(exceptions) - len(words)
    return "; ".join([*words, *([f"{rest} more"] if rest else [])])


def _detail(finding: Finding, part: Part) -> dict[str, object]:
    singles = np.nan if part.singles is None else float(part.singles.mean())
    return {
        "claim": finding.name,
        "part": part.key,
        "role": part.role,
        "rule": part.rule.text if part.rule else "",
        "test": part.test,
        "outcome": part.outcome,
        "single_seed_holds": singles,
        "spread": part.spread,
        "effect": part.gap / part.spread if part.spread > 0 else np.nan,
        "seeds_needed": part.seeds_needed,
        **_numbers(part),
    }


def _numbers(part: Part) -> dict[str, object]:
    """The columns that both tables have of a part."""
    return {
        "quantity": part.quantity,
        "estimate": part.estimate,
        "ci_low": part.interval.low,
        "ci_high": part.interval.high,
        "ci_method": part.interval.method,
        "p_value": part.p_value,
        "p_adjusted": part.p_adjusted,
        "margin": part.rule.bound if part.rule else np.nan,
        "truth": part.truth,
        "n_seeds": part.interval.n,
        "n_diverged": part.n_diverged,
    }
