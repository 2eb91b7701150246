"""Rows of a file, with a column that says where each was measured.

For every seed the rows of each site are cut into two halves at random: models train on rows of one
half, drawn with replacement, and are tested on rows of the other.
"""

from pathlib import Path

import numpy as np
import pandas as pd

LABEL = "measurements"
REFERENCE = "data/measurements.csv, made up for this example"
# An environment is a site, and which half of its rows; texts are allowed.
PARAMETERS = {"site": None, "half": "train"}
CHOICES = {"site": ("north", "south", "coast"), "half": ("train", "test")}

TABLE = pd.read_csv(Path(__file__).parents[1] / "data" / "measurements.csv")
FEATURES = [name for name in TABLE if name not in ("site", "y")]


def feature_names(options):
    return FEATURES


def mechanism(rng, options):
    """Which rows of each site are to train on."""
    halves = {}
    for site, rows in TABLE.groupby("site"):
        places = rng.permutation(rows.index.to_numpy())
        halves[site, "train"], halves[site, "test"] = np.array_split(places, 2)
    return halves


def sample(rng, n_samples, environment, mechanism):
    """Rows of one half of a site, drawn with replacement: features (n, d) and target (n,)."""
    places = mechanism[environment["site"], environment["half"]]
    rows = TABLE.loc[rng.choice(places, size=n_samples)]
    return rows[FEATURES].to_numpy(), rows["y"].to_numpy()
