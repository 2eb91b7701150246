"""Books in a folder of their own, written by a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from irm_bench import config, library
from irm_bench.config import Config
from irm_bench.storage import tables

# A chain whose weights are drawn for every seed; features with means, and all that theory asks for.
DRAWN = """
import numpy as np
from irm_bench.theory.moments import Moments

LABEL = "drawn"
OPTIONS = {"dim": 1, "noise": 1.0}
PARAMETERS = {"sigma": None, "shift": 0.0}
POSITIVE = ("sigma",)


def feature_names(options):
    return [f"x_{j}" for j in range(options["dim"])] + ["z"]


def roles(options):
    return ["cause"] * options["dim"] + ["effect"]


def mechanism(rng, options):
    return {"w": rng.normal(size=options["dim"]), "v": rng.normal(), **options}


def sample(rng, n_samples, environment, mechanism):
    x = environment["shift"] + environment["sigma"] * rng.normal(size=(n_samples, mechanism["dim"]))
    y = x @ mechanism["w"] + mechanism["noise"] * rng.normal(size=n_samples)
    z = mechanism["v"] * y + rng.normal(size=n_samples)
    return np.column_stack([x, z]), y


def population(environment, mechanism):
    dim, w, v = mechanism["dim"], mechanism["w"], mechanism["v"]
    x_x = environment["sigma"] ** 2 * np.eye(dim) + environment["shift"] ** 2 * np.ones((dim, dim))
    x_y = x_x @ w
    y_y = w @ x_x @ w + mechanism["noise"] ** 2
    gram = np.block([[x_x, v * x_y[:, None]], [v * x_y[None], np.array([[v**2 * y_y + 1]])]])
    mean_y = environment["shift"] * w.sum()
    means = np.concatenate([np.full(dim, environment["shift"]), [v * mean_y, mean_y]])
    return Moments(gram, np.append(x_y, v * y_y), y_y, means)


def causal_solution(mechanism):
    return np.append(mechanism["w"], 0.0)


def noise_floor(environment, mechanism):
    return mechanism["noise"] ** 2
"""
# A SEM that knows nothing of itself, with a text for a parameter.
BARE = """
import numpy as np

LABEL = "bare"
PARAMETERS = {"place": None, "level": 1.0}
CHOICES = {"place": ("here", "there", "far")}


def sample(rng, n_samples, environment, mechanism):
    scale = {"here": 1.0, "there": 2.0, "far": 0.5}[environment["place"]] * environment["level"]
    x = scale * rng.normal(size=(n_samples, 3))
    return x, x[:, 0] - x[:, 1] + rng.normal(size=n_samples)
"""
# Labels 0 and 1 for the logistic loss.
CLASSES = """
import numpy as np

LABEL = "classes"
PARAMETERS = {"scale": None}


def sample(rng, n_samples, environment, mechanism):
    x = environment["scale"] * rng.normal(size=(n_samples, 2))
    return x, (x[:, 0] + 0.5 * rng.normal(size=n_samples) > 0).astype(float)
"""


def create(folder: Path, **files: str) -> Path:
    """A book folder ``mine`` with the SEMs above and further files, by path with __ for /."""
    book = folder / "mine"
    (book / "sems").mkdir(parents=True)
    for name, text in (("drawn", DRAWN), ("bare", BARE), ("classes", CLASSES)):
        (book / "sems" / f"{name}.py").write_text(text, encoding="utf-8")
    for name, text in files.items():
        path = book / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (book / "config.yaml").write_text(yaml.safe_dump(raw("drawn")), encoding="utf-8")
    return book


def raw(like: str, **study: Any) -> dict[str, Any]:
    """The raw config of one small study of a SEM."""
    environments: Mapping[str, list[Any]] = {
        "drawn": [{"sigma": 0.5}, {"sigma": 2.0}],
        "bare": [{"place": "here"}, {"place": "there"}],
        "classes": [{"scale": 1.0}, {"scale": 2.0}],
    }
    whole = {
        "name": "one",
        "sem": like,
        "n_samples": 80,
        "n_test_samples": 60,
        "n_validation_samples": 50,
        "steps": 30,
        "seeds": 3,
        "learning_rate": {"rule": "fixed", "value": 0.05},
        "train_environments": [environments[like]],
        "test_environments": environments[like],
        "methods": [{"name": "erm"}],
        **study,
    }
    audit = {"replicates": 20, "seed_counts": [2]}
    return {"title": "Mine", "root_seed": 4, "audit": audit, "studies": [whole]}


def parse(book: Path, raw_config: Mapping[str, Any]) -> Config:
    return config.parse({**raw_config, "book": str(book)})


def run(book: Path, raw_config: Mapping[str, Any], folder: Path) -> dict[str, pd.DataFrame]:
    """All stages of a config of a book, up to the judge: the tables."""
    parsed = parse(book, raw_config)
    library.run_stages(parsed, folder)
    found = {}
    for name, contract in tables.contracts(parsed).items():
        found[name] = tables.read(folder / "tables" / f"{name}.csv", contract)
    return found
