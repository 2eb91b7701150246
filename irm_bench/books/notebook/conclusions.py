"""The notebook's four conclusions about IRM, judged on other models than its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import ModuleType

import pandas as pd

from irm_bench.judging import findings
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import (
    HOLDS,
    INCONCLUSIVE,
    PARTLY,
    REFUTED,
    SUPPORTED,
    InsufficientError,
    Outcomes,
    Part,
    above,
    fact,
)
from irm_bench.judging.wording import listed

CLAIMS = ("squashes_z", "worse_on_average", "crossover", "near_lower_bound")
# The row of verdicts that all seeds together lead to; seeds are 0 and above.
ALL = -1
# The notebook's own training, with the estimator that its other settings are trained with. No study
# of them keeps paths, so that how quickly the weight of Z falls is asked of none.
REFERENCE = Selection("error_weight", "irm", "plug_in", error_weight=1e-5)
ALMOST_ALL = 0.999
# The claims that ask in which settings they stand, and how their parts tell of one.
IN_SETTINGS = ("however_trained", "other_data")
IN, CHANGED = "in ", "; another one on "


@dataclass(frozen=True)
class Setting:
    """A model that is trained, or whose data are, in another way than the notebook's."""

    name: str
    model: Selection


def verdicts(evidence: Evidence, model: Selection) -> pd.DataFrame:
    """Verdicts of the conclusions, with a model in place of the notebook's: a column a claim.

    The row ``ALL`` is for all seeds together; each other is for one seed alone. Where the tests
    of the four are adjusted, they are one family.

    Raises:
        InsufficientError: the results do not hold what the claims need.
    """
    found = {}
    for name, (module, own) in _measured(evidence, model).items():
        outcomes = {ALL: findings.outcomes(own)} | findings.single_outcomes(own)
        found[name] = {seed: module.decide(of_seed) for seed, of_seed in outcomes.items()}
    return pd.DataFrame(found)


def _measured(evidence: Evidence, model: Selection) -> dict[str, tuple[ModuleType, list[Part]]]:
    """By conclusion its module, and its parts with p values adjusted as of one family."""
    modules = {name: evidence.config.book.plugin("claims", name).load() for name in CLAIMS}
    family: list[Part] = []
    n_parts = {}
    for name, module in modules.items():
        of_claim = list(module.measure(evidence, model))
        n_parts[name] = len(of_claim)
        family += of_claim
    adjusted = iter(findings.adjust(family))  # in the same order
    return {name: (modules[name], list(islice(adjusted, n))) for name, n in n_parts.items()}


def _of_all_seeds(evidence: Evidence, model: Selection) -> pd.Series:
    """The row ``ALL`` of ``verdicts``."""
    measured = _measured(evidence, model)
    return pd.Series(
        {name: module.decide(findings.outcomes(own)) for name, (module, own) in measured.items()}
    )


def kept(evidence: Evidence, settings: list[Setting]) -> list[Part]:
    """How many of the verdicts are those of the notebook's own training, setting by setting, and
    the share of settings in which each of them stands. What is inconclusive there is left out.

    Raises:
        InsufficientError: the results hold no other setting, or not the notebook's own.
    """
    reference = _of_all_seeds(evidence, REFERENCE)
    reference = reference[reference != INCONCLUSIVE]
    stands = {}
    for setting in settings:
        try:
            found = _of_all_seeds(evidence, setting.model)[reference.index]
        except InsufficientError:
            continue  # as where every run diverged: nothing stands there
        stands[setting.name] = found == reference
    for setting in settings:
        stands.setdefault(setting.name, pd.Series(False, reference.index))
    if not stands:
        raise InsufficientError("needs a setting that is not the notebook's")
    table = pd.DataFrame(stands).T
    what = "verdicts that are conclusive on the notebook's own training"
    return [
        *_shares(evidence, table),
        fact("reference", what, len(reference), above(0.5)),
        *_by_setting(evidence, table),
    ]


def _shares(evidence: Evidence, table: pd.DataFrame) -> Iterator[Part]:
    for name in table:
        title = title_of(evidence, name)
        share = float(table[name].mean())
        what = f"share of {len(table)} settings in which the verdict stands on “{title}”"
        place = {"share": share, "title": title}
        yield fact(f"share {name}", what, share, above(ALMOST_ALL), place=place)


def _by_setting(evidence: Evidence, table: pd.DataFrame) -> Iterator[Part]:
    n_verdicts = table.shape[1]
    for name, stands in table.iterrows():
        lost = [title_of(evidence, claim) for claim in table if not stands[claim]]
        what = f"verdicts kept of {n_verdicts}: {name}"
        if lost:
            what += f"{CHANGED}{listed(f'“{title}”' for title in lost)}"
        place = {"setting": name}
        yield fact(f"{IN}{name}", what, int(stands.sum()), above(n_verdicts - 0.5), place=place)


def title_of(evidence: Evidence, claim: str) -> str:
    return str(evidence.config.book.plugin("claims", claim).get("TITLE"))


def decide(outcomes: Outcomes) -> str:
    """Supported where all stand in every setting, refuted where none does; else in part."""
    shares = findings.some(outcomes, "share")
    if outcomes["reference"] != HOLDS:
        return INCONCLUSIVE
    n_held = shares.count(HOLDS)
    return SUPPORTED if n_held == len(shares) else PARTLY if n_held else REFUTED


def told(parts: Mapping[str, Part]) -> str:
    """In what share of the settings each of the verdicts stands, and where all do."""
    if parts["reference"].outcome != HOLDS:
        return f"None of the {len(CLAIMS)} verdicts is conclusive: nothing can change."
    settings = [part for part in parts.values() if "setting" in part.place]
    whole = sum(part.outcome == HOLDS for part in settings)
    shares = [part for part in parts.values() if "share" in part.place]
    words = listed(f"“{p.place['title']}” {100 * p.place['share']:.0f}%" for p in shares)
    return (
        f"Of {len(CLAIMS)} verdicts {len(shares)} are conclusive; all of these stand in {whole} of "
        f"{len(settings)} settings, and one by one in: {words}."
    )
