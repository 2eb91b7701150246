"""Words for the settings and rules of the experiment, which figures and chapters share."""

from typing import Any

RULES = {
    "held_out_environment": "third environment (the code's)",
    "in_distribution": "in distribution",
    "leave_one_environment_out": "leave one environment out",
    "oracle": "test error (oracle)",
}
# The order of the repository's plots, with words for their letters.
WORDS = {
    "hidden": ("all observed", "hidden causes"),
    "hetero": ("equal noise", "unequal noise"),
    "scramble": ("plain", "rotated"),
}


def letters(row: Any) -> str:
    """A setting as the repository's plots call it, of a row with its three options: ``FOU``."""
    return "FP"[int(row.hidden)] + "OE"[int(row.hetero)] + "US"[int(row.scramble)]


def words(row: Any) -> str:
    """The same in words: ``all observed, equal noise, plain``."""
    return ", ".join(pair[int(getattr(row, name))] for name, pair in WORDS.items())
