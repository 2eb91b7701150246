"""ICP finds few causes where the noise of the target differs or causes are hidden."""

from collections.abc import Mapping

import pandas as pd

from irm_bench.books.irm_paper.settings import ICP, Setting, settings, values
from irm_bench.judging.evidence import Evidence, InsufficientError
from irm_bench.judging.findings import (
    HOLDS,
    SECONDARY,
    Outcomes,
    Part,
    above,
    below,
    mean,
    parts_of,
    share,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, num, percent

TITLE = "ICP finds few causes when its assumptions fail"
STATEMENT = "ICP finds few causes where noise is heteroskedastic or variables are hidden"
SOURCE = "Section 5.1, and ICP's own assumptions (Peters et al. 2016, assumption 1)"
SECTION = ("icp", "conclusions")
STUDY = "pooled"
FAMILY = "paper"
RULE = (
    "of plain features, ICP misses more than half of the causes on average in every setting with "
    "unequal noise or hidden causes, and fewer than half without either"
)
MIN_SEEDS = 10
HALF = 0.5


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for setting in settings(evidence, STUDY):
        if setting.scramble:  # every rotated feature mixes causes with effects
            continue
        missed = values(evidence, ICP, setting, "missed_causes")
        n_causes = evidence.study(STUDY).models[0].option["dim"]
        rule = above(HALF) if setting.hidden or setting.hetero else below(HALF)
        what = f"share of the causes that ICP misses, {setting.letters}"
        place = {"setting": setting.letters}
        parts.append(mean(setting.letters, what, missed / n_causes, rule, place=place))
        parts += _rejections(evidence, setting)
        false = values(evidence, ICP, setting, "false_causes")
        what = f"effects that ICP takes for causes, {setting.letters}"
        parts.append(mean(f"false {setting.letters}", what, false, above(HALF), role=SECONDARY))
    if not parts:
        raise InsufficientError("needs settings whose features are not rotated")
    return parts


def _rejections(evidence: Evidence, setting: Setting) -> list[Part]:
    """In what share of the runs each test alone rejects every subset of the features."""
    parts = []
    for kind in ("mean", "variance"):
        accepted = values(evidence, ICP, setting, f"n_{kind}_accepted")
        what = f"share of runs whose tests of the {kind}s reject every subset, {setting.letters}"
        flags: pd.Series = accepted == 0
        key = f"reject {kind} {setting.letters}"
        parts.append(share(key, what, flags, above(HALF), SECONDARY))
    return parts


def decide(outcomes: Outcomes) -> str:
    found = [outcome for key, outcome in outcomes.items() if " " not in key]
    return verdict(together(found))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    shares = [part for part in parts.values() if " " not in part.key]
    text = f"Of the causes ICP misses {listed(f'{percent(p.estimate)} ({p.key})' for p in shares)}."
    for kind in ("variance", "mean"):
        found = [part for part in parts_of(parts, f"reject {kind} ") if part.outcome == HOLDS]
        if found:
            at = listed(part.key.split()[-1] for part in found)
            text += f" Its tests of the {kind}s alone reject every subset in most runs of {at}."
    wrong = [part for part in parts_of(parts, "false ") if part.outcome == HOLDS]
    if wrong:
        told = listed(f"{num(p.estimate, 2)} ({p.key.split()[-1]})" for p in wrong)
        text += f" It takes effects for causes: on average {told}."
    return text
