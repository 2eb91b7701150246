"""Draws whole small configs of the notebook's book: valid, and as odd as that allows."""

import os
from typing import Any

from hypothesis import strategies as st

from irm_bench.plugins.registry import find_book

# The continuous integration draws hundreds, in jobs side by side.
N_DRAWS = int(os.environ.get("IRM_BENCH_DRAWS", "8"))
BOOK = find_book("notebook")
# The studies that claims, figures and chapters look at, and one that none knows.
STUDIES = (
    "notebook",
    "sigma_grid",
    "sigma_grid_fixed_rate",
    "error_weight",
    "sample_size",
    "z_mechanism",
    "other",
)
SIGMAS = [0.05, 0.1, 0.5, 1.0, 2.0, 1e6, 1e-3, 1e-50]
# Rates at which some runs diverge, or all.
RATES = [1e-3, 0.1, 0.3, 1.0, 30.0, 1e6]
WEIGHTS = [0, 1e-5, 0.1, 1]
PENALTIES = ["plug_in", "u_statistic", "split_half"]


def some(draw: st.DrawFn, values: Any, least: int = 1, most: int = 2) -> list[Any]:
    """A few of the values, each at most once, in any order."""
    places = st.sampled_from(range(len(values)))
    chosen = draw(st.lists(places, min_size=least, max_size=most, unique=True))
    return [values[i] for i in chosen]


# Seeds that are added: two at the first look, three at the second.
ADDED = {"until": "decided", "first": 2, "at_most": 3}


@st.composite
def methods(
    draw: st.DrawFn, n_train: int, is_capped: bool, sizes: list[int]
) -> list[dict[str, Any]]:
    """A few methods that can train on so many environments, some not on large samples."""
    known: list[dict[str, Any]] = [{"name": "erm", "monitor": draw(st.sampled_from(PENALTIES))}]
    known.append({"name": "oracle"})
    if n_train > 1:
        known += [{"name": "irm", "penalty": penalty} for penalty in PENALTIES]
    if n_train > 1 and not is_capped:
        known += [{"name": "vrex"}, {"name": "irm_matrix"}]
    chosen = some(draw, known, most=4)
    if draw(st.integers(0, 2)) == 0:
        chosen[-1]["max_n_samples"] = draw(st.sampled_from(sizes))
    return chosen


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """A grid of test environments."""
    grid: dict[str, Any] = {"sigma": some(draw, SIGMAS)}
    if draw(st.booleans()):
        key = draw(st.sampled_from(["gamma", "tau"]))
        grid[key] = some(draw, {"gamma": [-1, 0, 1, 2.5], "tau": [0.1, 1, 4]}[key])
    return grid


@st.composite
def study(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A study of a name that the book knows."""
    # one list of several values, or two; more would take a second more and find no more
    wide = some(draw, ["sets", "n_samples", "error_weights", "rates", "dim", "start"])
    n_train = draw(st.integers(1, 3))
    sets = [draw(st.lists(st.sampled_from(SIGMAS), min_size=n_train, max_size=3, unique=True))]
    if "sets" in wide:
        sets.append(draw(st.permutations(SIGMAS))[:3])
    unique = {tuple(sorted(members)): members for members in sets}
    rule = draw(st.sampled_from(["fixed", "fixed", "capped"]))
    sizes = some(draw, [2, 4, 10, 60], most=1 + ("n_samples" in wide))
    found = {
        "name": name,
        "train_sigmas": list(unique.values()),
        "test_environments": [draw(environments())],
        "methods": draw(methods(n_train, rule == "capped", sizes)),
        "n_samples": sizes,
        "n_test_samples": draw(st.integers(2, 20)),
        "error_weights": some(draw, WEIGHTS, most=1 + ("error_weights" in wide)),
        "steps": draw(st.integers(2, 30)),
        "learning_rate": {"rule": rule, "value": some(draw, RATES, most=1 + ("rates" in wide))},
        "options": {"dim": some(draw, [1, 2], most=1 + ("dim" in wide))},
        "seeds": draw(st.integers(1, 4) | st.just([2, 7]) | st.just(ADDED)),
        "splits": draw(st.sampled_from(["drawn", "drawn", "gaussian"])),
        "trajectories": draw(st.booleans()),
    }
    seen = {method.get(key) for method in found["methods"] for key in ("penalty", "monitor")}
    if seen <= {None, "plug_in"}:  # the others see more than moments
        found["precision"] = draw(st.sampled_from(["double", "single"]))
    if "start" in wide:
        found["start"] = some(draw, ["ones", "zeros", "oracle", "erm", "random"])
    return found


@st.composite
def configs(draw: st.DrawFn, n_figures: int = 1) -> dict[str, Any]:
    """A whole config, some of its claims, figures and chapters without the study they look at."""
    names = some(draw, STUDIES, most=2)
    if draw(st.booleans()):
        names = ["notebook", *[name for name in names if name != "notebook"]]
    studies = [draw(study(name)) for name in names]
    looks = {}
    if any(study["seeds"] == ADDED for study in studies):
        looks["look"] = draw(st.integers(1, 2))
    return {
        "title": "Any config",
        "root_seed": draw(st.integers(0, 5)),
        "shards": draw(st.sampled_from([1, 1, 2])),
        **looks,
        "studies": studies,
        "figures": some(draw, BOOK.names("figures"), least=0, most=n_figures),
        "claims": some(draw, BOOK.names("claims"), least=0, most=len(BOOK.names("claims"))),
        "audit": {"replicates": 20, "seed_counts": [2]},
    }
