"""V-REx fails where the noise of the target changes, IRM does not."""

from collections.abc import Mapping

from irm_bench.books.field.settings import FAR, decide, held, label, limit, told
from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence
from irm_bench.judging.findings import Part, above, below, fact

TITLE = "REx fails under heteroskedastic noise, IRM succeeds"
STATEMENT = "REx performs poorly in heteroskedastic tasks, and IRM succeeds there"
SOURCE = "Krueger et al. 2021, on the IRM paper's synthetic tasks; as commonly told, not read again"
SECTION = ("rivals",)
STUDY = "chain_hetero"
FAMILY = "field"
RULE = (
    "on the chain with unequal noise V-REx's limit is more than 0.1 from the invariant "
    "predictor and IRM's less, and with equal noise both are less than 0.1 from it"
)
TWIN = "V-REx and IRM in each other's place"
MIN_SEEDS = 1
__all__ = ["decide"]


def measure(evidence: Evidence) -> list[Part]:
    parts = []
    for data, method, rule in (
        ("chain_hetero", "vrex", above(FAR)),
        ("chain_hetero", "irm", below(FAR)),
        ("chain", "vrex", below(FAR)),
        ("chain", "irm", below(FAR)),
    ):
        what = f"distance of the limit of {label(evidence, method)} on {data} to the causes"
        parts.append(fact(f"{method} on {data}", what, limit(evidence, data, method), rule))
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.on_map(evidence, methods={"vrex": "irm", "irm": "vrex"})


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    return f"{held(parts)} limits meet the rule: {told(parts)}."
