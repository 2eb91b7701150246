"""The notebook's training is not finished: how much of the leftover weight of Z that explains."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from irm_bench import theory
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import Outcomes, Part, above, mean, verdict
from irm_bench.judging.wording import num, percent, pick, say
from irm_bench.storage.paged import Rows

TITLE = "Training is not finished"
STATEMENT = (
    "After 50,000 steps IRM has not converged, and part of the weight that it leaves on Z is "
    "unfinished optimisation"
)
SOURCE = "Beyond the notebook, which takes the end of training for the model's solution"
SECTION = ("conclusions",)
STUDY = "notebook"
FAMILY = "beyond"
RULE = (
    "mean over seeds of |weight| of Z as trained less the same at the minimum of its own objective "
    "on its own rows (plug-in) above 0"
)
TWIN = "the trained and the converged weights are exchanged"
MIN_SEEDS = 5
MODEL = Selection(STUDY, "irm", "plug_in")
SPLIT = replace(MODEL, penalty="split_half")


def measure(evidence: Evidence) -> list[Part]:
    trained, ended = (evidence.z_weight(MODEL, table) for table in ("models", "converged"))
    exact = _exact(evidence)
    what = "|weight| of Z of IRM (plug-in)"
    return [
        mean("gap", f"{what}, trained less converged", trained - ended, above(0.0)),
        mean("share", f"share of {what} that more training removes", (trained - ended) / trained),
        mean("trained", f"{what}, trained", trained),
        mean("converged", f"{what}, converged", ended, truth=exact),
        mean(
            "split trained",
            "distance of φ from the oracle, IRM (split-half), trained",
            evidence.distance(SPLIT),
        ),
        mean(
            "split converged",
            "distance of φ from the oracle, IRM (split-half), converged",
            evidence.distance(SPLIT, "converged"),
        ),
        mean(
            "split farther",
            "distance of φ from the oracle, IRM (split-half), converged less trained",
            evidence.distance(SPLIT, "converged") - evidence.distance(SPLIT),
            above(0.0),
            role="secondary",
        ),
    ]


def _exact(evidence: Evidence) -> float:
    """|weight| of Z at the minimum with infinitely many rows."""
    weight = evidence.study(STUDY).error_weights[0]
    population = evidence.population(STUDY, evidence.train_set(MODEL))
    end = theory.flow_minimum(population, weight).phi
    return float(np.abs(end[evidence.causal(STUDY) == 0]).mean())


def _exchanged(evidence: Evidence) -> dict[str, Rows]:
    return {
        "models": evidence.tables["converged"],
        "converged": evidence.tables["models"],
    }


def twin(evidence: Evidence) -> Evidence:
    return replace(evidence, tables={**evidence.tables, **_exchanged(evidence)})


def decide(outcomes: Outcomes) -> str:
    return verdict(outcomes["gap"])


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    trained, ended, share = (parts[key] for key in ("trained", "converged", "share"))
    removed = pick(
        parts["gap"].outcome,
        f"more training would remove {percent(share.estimate)} of it",
        "more training would not lower it",
        "whether more training would lower it is open",
    )
    farther = pick(
        parts["split farther"].outcome,
        "does not help there: the minimum of its objective lies farther from the oracle",
        "helps there too: the minimum of its objective lies nearer to the oracle",
        "makes no clear difference there",
    )
    distances = (parts[f"split {key}"] for key in ("converged", "trained"))
    far, near = (say(part) for part in distances)
    return (
        f"With the plug-in penalty |weight| of Z is {say(trained)} after training and {say(ended)} "
        f"at the minimum (exact: {num(ended.truth)}): {removed}. With split-half more training "
        f"{farther} (distance {far}, against {near} as trained)."
    )
