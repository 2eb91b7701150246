"""Whether IRM squashes the weights of Z from other starts than the notebook's all ones."""

from collections.abc import Mapping

import numpy as np

from irm_bench.books.notebook.claims.causes_from_any_start import (
    CONTROL,
    MODEL,
    NAMES,
    from_start,
    starts,
)
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import (
    FAILS,
    HOLDS,
    Outcomes,
    Part,
    above,
    mean,
    parts_of,
    share,
    some,
    together,
    verdict,
)
from irm_bench.judging.wording import listed, percent, say

TITLE = "IRM squashes Z from any start"
STATEMENT = (
    "Trained as the notebook trains it, IRM leaves almost no weight on Z wherever training starts"
)
SOURCE = "Beyond the notebook, which starts at φ = (1, …, 1) alone"
SECTION = ("start",)
STUDY = "start"
FAMILY = "beyond"
RULE = (
    "from every start but the oracle, the mean |weight| of Z is below 0.05 in most runs; a run "
    "that diverged is none of them"
)
TWIN = "ERM is in the place of IRM"
MIN_SEEDS = 5
MARGIN = 0.05


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for start in starts(evidence):
        if start == CONTROL:
            continue
        model, place = from_start(MODEL, start), {"start": NAMES[start]}
        weight = evidence.z_weight(model)
        what = f"share of runs with a mean |weight| of Z below {MARGIN:g}, start: {NAMES[start]}"
        parts.append(share(f"small {start}", what, weight < MARGIN, above(0.5), place=place))
        if np.isfinite(weight).any():
            what = f"mean |weight| of Z, start: {NAMES[start]}"
            parts.append(mean(f"weight {start}", what, weight, place=place))
    return sorted(parts, key=lambda part: not part.key.startswith("small"))


def twin(evidence: Evidence) -> Evidence:
    return controls.in_place_of(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes, "small")))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    small = parts_of(parts, "small")
    words = []
    for part in small:
        key = part.key.replace("small", "weight")
        left = f" (mean {say(parts[key])})" if key in parts else ""
        words.append(f"{percent(part.estimate, 3)} of runs from {part.place['start']}{left}")
    text = f"The weight of Z ends below {MARGIN:g} in {listed(words)}."
    fails = [part.place["start"] for part in small if part.outcome == FAILS]
    if fails:
        return f"{text} Not from {listed(fails)}."
    if all(part.outcome == HOLDS for part in small):
        return f"{text} Small weights of Z do not show that the causes were found."
    return text
