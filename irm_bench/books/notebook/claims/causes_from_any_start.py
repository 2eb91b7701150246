"""Whether IRM finds the causes' weights from other starts than the notebook's all ones."""

from collections.abc import Iterator, Mapping

import numpy as np

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, InsufficientError, Selection
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
from irm_bench.judging.wording import listed, num, percent, say

TITLE = "IRM finds the causes from any start"
STATEMENT = (
    "Trained as the notebook trains it, IRM finds the weights of the causes wherever training "
    "starts"
)
SOURCE = "Beyond the notebook, which starts at φ = (1, …, 1) and so has the true weights of X"
SECTION = ("start", "conclusions")
STUDY = "start"
FAMILY = "beyond"
RULE = (
    "from every start but the oracle, most runs end within 0.1 of the oracle, ‖φ − oracle‖; a run "
    "that diverged does not"
)
TWIN = "ERM is in the place of IRM"
MIN_SEEDS = 5
NEAR = 0.1
MODEL = Selection(STUDY, "irm", "split_half")
# The answer itself as a start is a control.
CONTROL = "oracle"
NAMES = {
    "ones": "all ones",
    "zeros": "zeros",
    "random": "N(0, 1)",
    "erm": "ERM's weights",
    "oracle": "the oracle",
}


def starts(evidence: Evidence) -> list[str]:
    """The starts of the study, the control's last."""
    known = [start for start in evidence.study(STUDY).starts if start in NAMES]
    if len(known) < 2:
        raise InsufficientError(f"needs two starts in the study {STUDY!r}")
    return sorted(known, key=lambda start: start == CONTROL)


def from_start(model: Selection, start: str) -> Selection:
    """The same model, trained from a start of the study."""
    return Selection(model.study, model.method, model.penalty, start=start)


def measure(evidence: Evidence) -> list[Part]:
    parts: list[Part] = []
    for start in starts(evidence):
        parts += _of_start(evidence, start)
    return sorted(parts, key=lambda part: not part.key.startswith("near"))


def _of_start(evidence: Evidence, start: str) -> Iterator[Part]:
    model, name = from_start(MODEL, start), NAMES[start]
    distance = evidence.distance(model)
    is_control = start == CONTROL
    yield share(
        f"{'control' if is_control else 'near'} {start}",
        f"share of runs that end within {NEAR:g} of the oracle, start: {name}",
        distance < NEAR,  # NaN, of a run that diverged, is not
        above(0.5),
        "secondary" if is_control else "primary",
        place={"start": name},
    )
    if not np.isfinite(distance).any():
        return
    what = f"distance of φ from the oracle, start: {name}"
    yield mean(f"distance {start}", what, distance, place={"start": name})
    for environment in evidence.environments(model)[-1:]:
        sigma = environment["sigma"]
        where = f"test σ = {sigma:g}, start: {name}"
        risk = evidence.error(model, environment, column="risk")
        floor = evidence.floor(STUDY, environment)
        place = {"start": name, "sigma": sigma}
        yield mean(f"risk {start}", f"risk of IRM, {where}", risk, None, floor, place=place)
        erm = evidence.error(model.other("erm"), environment, column="risk")
        yield mean(f"erm {start}", f"risk of ERM, {where}", erm, place=place)


def twin(evidence: Evidence) -> Evidence:
    return controls.in_place_of(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes, "near")))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    near = parts_of(parts, "near")
    words = []
    for part in near:
        start = part.key.removeprefix("near ")
        far = f"distance {say(parts[f'distance {start}'])}" if f"distance {start}" in parts else ""
        close = f"{percent(part.estimate)} of runs within {NEAR:g}"
        words.append(f"from {part.place['start']} {close}{', mean ' + far if far else ''}")
    return f"Of IRM's runs end near the oracle: {'; '.join(words)}. {_summary(near)}{_risk(parts)}"


def _summary(near: list[Part]) -> str:
    finds = [part.place["start"] for part in near if part.outcome == HOLDS]
    fails = [part.place["start"] for part in near if part.outcome == FAILS]
    if not fails:
        return (
            "No start was seen to keep it away." if len(finds) < len(near) else "Each start does."
        )
    where = f"only from {listed(finds)}" if finds else "from no start"
    return f"It finds the causes {where}, not from {listed(fails)}."


def _risk(parts: Mapping[str, Part]) -> str:
    """What the start costs where the noise is largest."""
    risks = [part for part in parts_of(parts, "risk") if not part.key.endswith(CONTROL)]
    if not risks:
        return ""
    worst = max(risks, key=lambda part: part.estimate)
    erm = parts[worst.key.replace("risk", "erm")]
    return (
        f" At σ={worst.place['sigma']:g} its risk from {worst.place['start']} is {say(worst)}, "
        f"against ERM's {say(erm)} and a noise floor of {num(worst.truth)}."
    )
