"""Small studies and data models of the book unit_tests."""

from typing import Any

from irm_bench import config
from irm_bench.plugins.model import Model
from irm_bench.plugins.registry import find_book

SEMS = ("unit_regression", "cows_camels", "small_invariant_margin")
BOOK = find_book("unit_tests")


def model_of(sem: str, **options: int) -> Model:
    plugin = BOOK.plugin("sems", sem)
    known = {**plugin.get("OPTIONS"), **options}
    size = known["dim"] + known["dim_spurious"]
    return Model(plugin, tuple(known.items()), size, True)


def study(**changes: Any) -> dict[str, Any]:
    """A small study of the first example."""
    return {
        "name": "one",
        "sem": "unit_regression",
        "intercept": True,
        "start": "linear",
        "optimiser": "adam",
        "train_environments": [[0, 1, 2]],
        "test_environments": [{"number": [0, 1, 2], "shuffled": 1}],
        "methods": [{"name": "erm"}],
        "n_samples": 60,
        "n_test_samples": 60,
        "n_validation_samples": 60,
        "steps": 20,
        "seeds": 3,
        **changes,
    }


def parse(**changes: Any) -> config.Config:
    raw = {"book": "unit_tests", "title": "t", "root_seed": 3, "studies": [study(**changes)]}
    return config.parse(raw)
