"""Books that a test writes into a folder of its own: a config and a few small plugins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from irm_bench import config, library
from irm_bench.config import Config
from irm_bench.planning.plan import Dataset
from irm_bench.storage import tables

# Causes X, the target Y by weights that are drawn for every seed, an effect Z; features have means.
DRAWN = """
import numpy as np
from irm_bench.theory.moments import Moments

LABEL = "drawn weights"
OPTIONS = {"n_causes": 2, "scale": 1.0}
PARAMETERS = {"sigma": None, "shift": 0.0}
POSITIVE = ("sigma",)


def feature_names(options):
    return [f"x_{j + 1}" for j in range(options["n_causes"])] + ["z"]


def roles(options):
    return ["cause"] * options["n_causes"] + ["effect"]


def mechanism(rng, options):
    return {"weights": options["scale"] * rng.normal(size=options["n_causes"])}


def sample(rng, n_samples, environment, mechanism):
    weights, sigma = mechanism["weights"], environment["sigma"]
    x = environment["shift"] + sigma * rng.normal(size=(n_samples, len(weights)))
    y = x @ weights + sigma * rng.normal(size=n_samples)
    z = y + rng.normal(size=n_samples)
    return np.column_stack([x, z]), y


def population(environment, mechanism):
    weights, variance = mechanism["weights"], environment["sigma"] ** 2
    of_y = variance * (weights @ weights + 1)
    x_y = variance * weights
    covariance = np.block(
        [[variance * np.eye(len(weights)), x_y[:, None]], [x_y[None, :], np.array([[of_y + 1]])]]
    )
    mean_y = environment["shift"] * weights.sum()
    means = np.append(np.full(len(weights), environment["shift"]), mean_y)
    gram = covariance + np.outer(means, means)
    cross = np.append(x_y, of_y) + means * mean_y
    return Moments(gram, cross, of_y + mean_y**2, np.append(means, mean_y))


def causal_solution(mechanism):
    return np.append(mechanism["weights"], 0.0)


def noise_floor(environment, mechanism):
    return environment["sigma"] ** 2
"""

# Labels 0 and 1, for the logistic loss.
CLASSES = """
import numpy as np

LABEL = "classes"
PARAMETERS = {"width": None, "tilt": 0.0}


def sample(rng, n_samples, environment, mechanism):
    x = environment["width"] * rng.normal(size=(n_samples, 2))
    noise = environment["tilt"] + 0.5 * rng.normal(size=n_samples)
    return x, (x[:, 0] - x[:, 1] + noise > 0).astype(float)
"""

# Of this one nothing is known but rows; an environment is named by a text.
ROWS_ALONE = """
import numpy as np

LABEL = "rows alone"
PARAMETERS = {"place": None, "spread": 1.0}
CHOICES = {"place": ("here", "there", "far")}
POSITIVE = ("spread",)
SLOPES = {"here": 1.0, "there": 0.5, "far": -1.0}


def sample(rng, n_samples, environment, mechanism):
    x = environment["spread"] * rng.normal(size=n_samples)
    y = x + rng.normal(size=n_samples)
    z = SLOPES[environment["place"]] * y + rng.normal(size=n_samples)
    return np.column_stack([x, z]), y
"""

# The same for every seed, and its features have means.
SHIFTED = """
import numpy as np
from irm_bench.theory.moments import Moments

LABEL = "shifted"
OPTIONS = {"weight": 2.0}
PARAMETERS = {"centre": None, "level": 0.0}


def sample(rng, n_samples, environment, mechanism):
    x = environment["centre"] + rng.normal(size=n_samples)
    y = environment["level"] + mechanism["weight"] * x + rng.normal(size=n_samples)
    return x[:, None], y


def population(environment, mechanism):
    weight, mean = mechanism["weight"], environment["centre"]
    mean_y = environment["level"] + weight * mean
    square = np.array([[1 + mean**2]])
    cross = np.array([weight + mean * mean_y])
    return Moments(square, cross, weight**2 + 1 + mean_y**2, np.array([mean, mean_y]))
"""

# A method by its value alone, with two parameters.
SPREAD = """
LABEL = "spread of the risks"
PARAMS = {"beta": 1.0, "ridge": 0.0}


def value(parameters, problem):
    risks = problem.risks(parameters)
    mean = problem.mean(risks)
    spread = problem.mean((risks - problem.spread(mean)) ** 2)
    size = (parameters**2).sum(dim=0)
    return mean + problem.params["beta"] * spread + problem.params["ridge"] * size
"""

# A method that is not stepped, and reports a number of its own beside φ.
RIDGE = """
import torch

from irm_bench.engine.training import Fitted

LABEL = "ridge"
PARAMS = {"ridge": 0.1}
EXTRAS = {"size": "squared length of φ"}


def fit(problem):
    gram = problem.total(problem.moments.gram).permute(2, 0, 1)
    cross = problem.total(problem.moments.cross).T
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype)
    ridge = problem.params["ridge"][:, None, None] * eye
    phi = torch.linalg.solve(gram + ridge, cross[..., None])[..., 0].T
    return Fitted(phi, {"size": (phi**2).sum(dim=0)})
"""

PLUGINS: dict[str, str] = {
    "sems/drawn": DRAWN,
    "sems/rows_alone": ROWS_ALONE,
    "sems/classes": CLASSES,
    "sems/shifted": SHIFTED,
    "methods/spread": SPREAD,
    "methods/ridge": RIDGE,
}

IRM: dict[str, Any] = {"name": "irm", "penalty": "plug_in"}
# As little as there may be: the audit has tests of its own.
AUDIT = {"replicates": 20, "seed_counts": [2]}
# A study of the SEM ``drawn``; ``study`` lays other keys over it.
STUDY: dict[str, Any] = {
    "name": "one",
    "sem": "drawn",
    "train_environments": [[0.5, 1.0]],
    "test_environments": [{"sigma": [0.5, 2.0]}],
    "methods": [{"name": "erm"}, IRM, {"name": "oracle"}],
    "n_samples": 40,
    "n_test_samples": 30,
    "n_validation_samples": 20,
    "steps": 60,
    "learning_rate": {"rule": "fixed", "value": 0.002},
    "seeds": 3,
}
# The same for the SEM ``rows_alone``, which has no oracle.
PLACES: dict[str, Any] = {
    "sem": "rows_alone",
    "train_environments": [["here", "there"]],
    "test_environments": [{"place": ["here", "far"]}],
    "methods": [{"name": "erm"}, IRM],
}


def study(**keys: Any) -> dict[str, Any]:
    """``STUDY`` with other keys."""
    return {**STUDY, **keys}


@dataclass(frozen=True)
class WrittenBook:
    """A book in a folder, to which a test may add plugins before it reads them."""

    folder: Path

    def add(self, plugin: str, source: str) -> Path:
        """Write a plugin, named like ``sems/mine``; its path."""
        path = self.folder / f"{plugin}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    def raw(self, *studies: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
        """The raw config of some studies in this book."""
        found = {"book": str(self.folder), "title": "A book", "root_seed": 4, "audit": AUDIT}
        return {**found, **keys, "studies": [dict(one) for one in studies]}

    def parse(self, *studies: Mapping[str, Any], **keys: Any) -> Config:
        """The same, typed."""
        return config.parse(self.raw(*studies, **keys))

    def run(self, *studies: Mapping[str, Any], report: bool = False, **keys: Any) -> "Run":
        """All stages up to the last table, or to the page, in a folder of their own."""
        parsed = self.parse(*studies, **keys)
        number = len(list(self.folder.parent.glob("run_*")))
        folder = self.folder.parent / f"run_{number}"
        library.run_stages(parsed, folder, report=report)
        return Run(parsed, folder)


@dataclass(frozen=True)
class Run:
    """What a run of a book left."""

    config: Config
    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """A table, texts as texts."""
        contract = tables.contracts(self.config)[name]
        frame = tables.read(self.folder / "tables" / f"{name}.csv", contract)
        return frame.astype(dict.fromkeys(frame.select_dtypes("category"), object))

    def bytes(self) -> dict[str, bytes]:
        """Every table's file, by name."""
        paths = sorted((self.folder / "tables").glob("*.csv"))
        return {path.stem: path.read_bytes() for path in paths}

    def dataset(
        self, split: str, *environment: Any, study: int = 0, n: int | None = None
    ) -> Dataset:
        """The rows of an environment, by the values of its first parameters."""
        typed = self.config.studies[study]
        names = list(typed.model.sem.get("PARAMETERS"))
        plain = [value if isinstance(value, str) else float(value) for value in environment]
        given = dict(zip(names, plain, strict=False))
        sizes = {
            "train": typed.n_samples[0],
            "test": typed.n_test_samples,
            "validation": typed.n_validation_samples,
        }
        defaults = typed.model.sem.get("PARAMETERS")
        parameters = tuple((name, given.get(name, defaults[name])) for name in names)
        own = tuple((name, default) for name, default in defaults.items() if default is not None)
        where = config.Environment(parameters, own)
        return Dataset(typed.model, n or sizes[split], split, where)


def create(folder: Path) -> WrittenBook:
    """A book with the plugins of this file."""
    book = WrittenBook(folder / "written_book")
    book.folder.mkdir()
    (book.folder / "config.yaml").write_text(
        yaml.safe_dump({"title": "A book", "root_seed": 4, "studies": [STUDY]}), encoding="utf-8"
    )
    for plugin, source in PLUGINS.items():
        book.add(plugin, source)
    return book
