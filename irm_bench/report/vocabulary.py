"""What the page calls the columns and values that tell the rows of a table apart."""

from collections.abc import Iterator
from typing import Any

from irm_bench.config import Config
from irm_bench.presentation import numbers
from irm_bench.presentation.prose import in_words
from irm_bench.presentation.series import GREEK, TRAIN_COLUMNS, Looks

QUANTITIES = {
    "mse": "mean squared error",
    "average_mse": "average mean squared error",
    "causal_error": "error of the weights of causes",
    "noncausal_error": "error of the other weights",
    "train_risk": "mean squared error, training",
    "penalty": "penalty estimate",
    "noise_floor": "noise floor",
    "average_noise_floor": "average noise floor",
    "noise_variance": "sample variance of the noise",
    "oracle_mse": "oracle’s squared error",
    "phi_x": "mean weight of the causes",
    "phi_z": "mean weight of the effects",
}
# What stands in a key of one column and means nothing to a reader.
COLUMNS = {"n_samples": "rows", "split": "", "quantity": "", "name": "", "claim": "", "weight": ""}


def quantity_label(name: str) -> str:
    """A quantity of the tables in words."""
    kind, _, number = name.partition("_")
    if kind == "corr" and number.isdigit():
        return f"correlation of feature {number}"
    if kind == "phi" and number.isdigit():
        return f"weight {in_words(name)}"
    return QUANTITIES.get(name, name.replace("_", " "))


class Vocabulary:
    """The words of a config: labels of its methods and penalties, its environments and sets."""

    def __init__(self, config: Config, looks: Looks):
        self._looks = looks
        self._labels = dict(QUANTITIES)
        for kind in ("methods", "penalties"):
            for name in config.book.names(kind):
                self._labels[name] = str(config.book.plugin(kind, name).get("LABEL", name))

    def text(self, text: str) -> str:
        """A sentence or a name without raw names."""
        return in_words(text, self._labels)

    def keys(self, keys: dict[str, Any]) -> str:
        """What tells a row apart: ``IRM (plug-in), σ = 0.1, test``."""
        return ", ".join(self._keys(keys))

    def _keys(self, keys: dict[str, Any]) -> Iterator[str]:
        rest = dict(keys)
        method, penalty = rest.pop("method", ""), rest.pop("penalty", "")
        if method:
            yield self._looks.one(str(method), str(penalty)).label
        elif penalty:
            yield f"{self._labels.get(str(penalty), penalty)} penalty"
        for column, value in rest.items():
            yield self._key(column, value)

    def _key(self, column: str, value: Any) -> str:
        if column in TRAIN_COLUMNS:
            return f"trained on {self._looks.train_set(str(value))}"
        if column == "environment":
            return self.text(self._looks.environment(str(value)))
        if column == "name" and "." in str(value):  # a setting of a study, in the table of facts
            study, _, name = str(value).rpartition(".")
            return f"{in_words(name).removeprefix('n ')} of the study {in_words(study)}"
        if column in ("quantity", "weight") and isinstance(value, str):
            return quantity_label(value)
        words = self.text(str(value)) if isinstance(value, str) else numbers.plain(float(value))
        if column in GREEK:
            return f"{GREEK[column]} = {words}"
        return f"{COLUMNS.get(column, column.replace('_', ' '))} {words}".strip()
