"""Whether V-REx leaves less weight on the effects than ERM does."""

from irm_bench.judging.evidence import Selection
from irm_bench.judging.findings import below, mean, some, together, verdict
from irm_bench.judging.wording import pick, say

TITLE = "V-REx leans less on the effects than ERM"
STATEMENT = "a penalty on the spread of the risks makes a model leave the effects alone"
SOURCE = "this book"
SECTION = ("drawn",)
# The study that it looks at first, and the tests that are adjusted together with its own.
STUDY = "drawn"
FAMILY = "my book"
RULE = "mean over seeds of V-REx's mean weight on the effects, less ERM's, is below 0"
MIN_SEEDS = 5


def measure(evidence):
    """The parts: each an estimate over seeds with its interval, and its rule."""
    vrex = evidence.z_weight(Selection(STUDY, "vrex", params=(("beta", 10.0),)))
    erm = evidence.z_weight(Selection(STUDY, "erm"))
    quantity = "mean |weight| on the effects, V-REx less ERM"
    return [mean("difference", quantity, vrex - erm, below(0.0))]


def decide(outcomes):
    """A verdict from the outcomes of the parts."""
    return verdict(together(some(outcomes)))


def sentence(parts, verdict):
    """The finding in words, composed of the numbers."""
    part = parts["difference"]
    words = pick(part.outcome, "leans less", "does not lean less", "does not clearly lean less")
    return f"V-REx {words} on the effects than ERM: the difference is {say(part)}."
