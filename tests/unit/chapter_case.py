"""A book that is a config and SEMs: studies of every kind that the page writes a chapter for."""

from pathlib import Path
from typing import Any

import yaml

import irm_bench

# A SEM that says nothing but how to draw rows; environments differ in a text.
ROWS_ALONE = """
PARAMETERS = {"site": None}
CHOICES = {"site": ["north", "south"]}


def sample(rng, n_samples, environment, mechanism):
    x = rng.normal(size=(n_samples, 3))
    return x, x[:, 0] + (environment["site"] == "north") * x[:, 1]
"""

# Two structures with other features; the target is one of two classes.
CLASSES = """
import numpy as np

OPTIONS = {"scrambled": "no"}
PARAMETERS = {"sigma": None}


def feature_names(options):
    return ["cause", "effect"] if options["scrambled"] == "no" else ["first", "second", "third"]


def sample(rng, n_samples, environment, mechanism):
    d = 2 if mechanism["scrambled"] == "no" else 3
    x = rng.normal(size=(n_samples, d))
    return x, (x[:, 0] + environment["sigma"] * rng.normal(size=n_samples) > 0).astype(float)
"""

# Weights that are drawn anew for every seed, with all that a SEM may know of itself.
DRAWN = """
import numpy as np
from irm_bench.theory.moments import Moments

PARAMETERS = {"sigma": None}


def mechanism(rng, options):
    return {"weight": rng.normal()}


def sample(rng, n_samples, environment, mechanism):
    x = rng.normal(size=(n_samples, 1))
    return x, mechanism["weight"] * x[:, 0] + environment["sigma"] * rng.normal(size=n_samples)


def population(environment, mechanism):
    weight = mechanism["weight"]
    noise = environment["sigma"] ** 2
    return Moments(np.eye(1), np.array([weight]), weight**2 + noise, np.zeros(2))


def causal_solution(mechanism):
    return np.array([mechanism["weight"]])


def noise_floor(environment, mechanism):
    return environment["sigma"] ** 2
"""

# What the source prints: an error in an environment, its average, and a weight after training.
PRINTED = """where,model,quantity,split,sigma,site,step,printed
Table 1,theirs,mse,test,,south,,0.5
Table 1,theirs,average_mse,test,,,,0.5
Table 2,theirs,phi_1,,,,,9000.0
Table 2,theirs,phi_9,,,,,1.0
"""

CONFIG: dict[str, Any] = {
    "title": "A book that is a config alone",
    "root_seed": 3,
    "audit": {"replicates": 20, "seed_counts": [2]},
    "source": {"title": "Where it was claimed", "authors": "A. Writer", "year": 2020},
    "printed": {"study": "rows_alone", "models": {"theirs": {"method": "erm"}}},
    "defaults": {
        "n_samples": 20,
        "n_test_samples": 20,
        "steps": 10,
        "seeds": 2,
        "learning_rate": {"rule": "fixed", "value": 0.01},
    },
    "studies": [
        {
            "name": "plain",
            "description": "One seed.",
            "sem": "example_1",
            "options": {"dim": 1},
            "seeds": 1,
            "train_sigmas": [[0.1, 1.0]],
            "test_environments": [{"sigma": [0.1, 2.0], "gamma": -1}],
            "methods": [{"name": "erm"}, {"name": "irm", "penalty": "plug_in"}],
        },
        {
            "name": "rows_alone",
            "sem": "rows_alone",
            "train_environments": [["north", "south"]],
            "test_environments": [{"site": "south"}],
            "methods": [{"name": "erm"}],
        },
        {
            "name": "classes",
            "sem": "classes",
            "loss": "logistic",
            "options": {"scrambled": ["no", "yes"]},
            "train_sigmas": [[0.1, 1.0]],
            "test_environments": [{"sigma": 1.0}],
            "start": ["zeros", "ones"],
            "methods": [{"name": "erm"}],
        },
        {
            "name": "diverges",
            "sem": "drawn",
            "train_sigmas": [[0.1, 1.0]],
            "test_environments": [{"sigma": 1.0}],
            "steps": 3000,
            "learning_rate": {"rule": "fixed", "value": 1000.0},
            "methods": [{"name": "erm"}],
        },
        {
            "name": "drawn",
            "sem": "drawn",
            "train_sigmas": [[0.1, 1.0]],
            "test_environments": [{"sigma": 0.5}],
            "methods": [{"name": "erm"}, {"name": "oracle"}],
            "selection": ["in_distribution"],
        },
        {
            "name": "large",
            "sem": "example_1",
            "options": {"dim": [1, 6]},
            "n_samples": [20, 30, 40],
            "learning_rate": {"rule": "fixed", "value": 1e-4},
            "train_sigmas": [[0.1, 1.0], [0.2, 1.0], [0.3, 1.0], [0.4, 1.0]],
            "test_environments": [{"sigma": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}],
            "methods": [{"name": "irm", "penalty": "plug_in", "error_weight": [0.1, 1.0]}],
        },
    ],
}


SEMS = {"rows_alone": ROWS_ALONE, "classes": CLASSES, "drawn": DRAWN}


def write_book(book: Path) -> None:
    """Write the book into a folder."""
    (book / "sems").mkdir(parents=True)
    for name, text in SEMS.items():
        (book / "sems" / f"{name}.py").write_text(text, encoding="utf-8")
    (book / "config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    (book / "printed.csv").write_text(PRINTED, encoding="utf-8")


def page_of(folder: Path, without: str = "") -> Path:
    """Write the book beside its results in a folder, and run it, without a study: its page."""
    write_book(folder / "config_alone")
    studies = [study for study in CONFIG["studies"] if study["name"] != without]
    found = irm_bench.run(
        folder / "config_alone",
        config={"studies": studies},
        folder=folder / "results",
        report=True,
        progress=False,
    )
    assert found.page is not None
    return found.page
