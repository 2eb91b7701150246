"""IRM's average error is worse than ERM's, on training and on test environments."""

from collections.abc import Mapping

from irm_bench.judging import controls
from irm_bench.judging.evidence import Evidence, Selection
from irm_bench.judging.findings import Outcomes, Part, above, mean, some, together, verdict
from irm_bench.judging.wording import num, pick, say

TITLE = "IRM is worse on average"
STATEMENT = "IRM performs worse than the standard model on both train and test data"
SOURCE = "IRM vs. Standard Learning: 'IRM performs worse on both train and test data'"
SECTION = ("comparison",)
STUDY = "notebook"
FAMILY = "notebook"
RULE = (
    "mean over seeds of IRM's average MSE less ERM's, on the same rows, above 0 for training and "
    "for test environments"
)
TWIN = "IRM and ERM are exchanged"
MIN_SEEDS = 5
MODEL = Selection(STUDY, "irm", "split_half")


def measure(evidence: Evidence, model: Selection = MODEL) -> list[Part]:
    erm = model.other("erm")
    parts = []
    for split in ("test", "train"):
        ours, theirs = (evidence.average_error(m, split) for m in (model, erm))
        quantity = f"average MSE of IRM less ERM's, {split} environments"
        parts += [
            mean(split, quantity, ours - theirs, above(0.0)),
            mean(f"IRM {split}", f"average MSE of IRM, {split} environments", ours),
            mean(f"ERM {split}", f"average MSE of ERM, {split} environments", theirs),
        ]
    return parts


def twin(evidence: Evidence) -> Evidence:
    return controls.exchanged(evidence, ("irm", "split_half"))


def decide(outcomes: Outcomes) -> str:
    return verdict(together(some(outcomes)))


def sentence(parts: Mapping[str, Part], verdict: str) -> str:
    def one(split: str) -> str:
        part = parts[split]
        ours, theirs = (num(parts[f"{name} {split}"].estimate) for name in ("IRM", "ERM"))
        word = pick(part.outcome, "worse", "better", "not clearly different")
        return f"On {split} data IRM's average MSE is {ours}, ERM's {theirs}: {word} ({say(part)})."

    return f"{one('train')} {one('test')}"
