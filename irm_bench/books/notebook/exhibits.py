"""Tables that the page of this book shows and no file holds, and the settings of its calculator."""

from collections.abc import Mapping
from typing import Any

import jinja2
import pandas as pd
from jinja2.runtime import Context

from irm_bench.books.notebook import conclusions, pairs, truths
from irm_bench.books.notebook.calculator import plane as calculator_plane
from irm_bench.books.notebook.calculator import setting as calculator_setting
from irm_bench.books.notebook.claims import however_trained, other_data
from irm_bench.books.notebook.claims.causes_from_any_start import NAMES, NEAR
from irm_bench.books.notebook.labels import feature_label
from irm_bench.config import Config, Study
from irm_bench.planning import exact
from irm_bench.presentation.series import (
    Looks,
    at_base,
    base_batches,
    cast,
    features,
    find_study,
    seeds_of,
)
from irm_bench.report.ledger import Entry
from irm_bench.statistics.over_seeds import over_seeds

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]

ENDS = ["start", "end"]
# The columns that tell the rows of an exhibit apart.
ROW_KEYS = {
    "closed_forms": ("name",),
    "weights": ("weight", "method", "penalty"),
    "penalty_ends": ("end", "method", "penalty"),
    "starts_ends": ("start", "method", "penalty", "quantity"),
    "ideal": ("split", "environment", "quantity"),
    "wins": ("sigma",),
    "helped": ("name",),
    "paired": ("study", "split", "environment", "quantity"),
    "penalty_pairs": ("n_samples", "environment", "predictor"),
    "calculator": ("model",),
    "premium": ("name",),
    "robustness": ("claim", "setting"),
    "components": ("quantity", "component"),
    "settings_runs": ("study",),
}


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    paired = pairs.paired(tables, config)
    exhibits = {
        "closed_forms": truths.closed_forms(tables, config),
        "weights": weights(tables, config),
        "penalty_ends": penalty_ends(tables, config),
        "starts_ends": starts_ends(tables, config),
        "ideal": ideal(tables, config),
        "wins": pairs.wins(tables, config),
        "helped": pairs.helped(paired),
        "paired": paired,
        "penalty_pairs": pairs.penalty_pairs(tables, config),
        "calculator": truths.calculator(tables, config),
        "premium": pairs.premium(paired, config),
        "robustness": robustness(tables, config),
        "components": components(tables, config),
        "settings_runs": settings_runs(tables, config),
    }
    return {name: frame for name, frame in exhibits.items() if not frame.empty}


def robustness(tables: Tables, config: Config) -> pd.DataFrame:
    """How many of the notebook's conclusions stand in every other setting, and which do not."""
    if "claim_details" not in tables:
        return pd.DataFrame()
    details = tables["claim_details"].astype({"claim": str, "part": str, "quantity": str})
    is_mine = details["claim"].isin(conclusions.IN_SETTINGS)
    found = details[is_mine & details["part"].str.startswith(conclusions.IN)]
    return pd.DataFrame(
        {
            "claim": found["claim"],
            "setting": found["part"].str.removeprefix(conclusions.IN),
            "kept": found["estimate"],
            "changed": [what.partition(conclusions.CHANGED)[2] for what in found["quantity"]],
        }
    )


def settings_runs(tables: Tables, config: Config) -> pd.DataFrame:
    """How many runs the studies of other settings have, and how many of them diverged."""
    rows = []
    for name in (*however_trained.STUDIES, *other_data.STUDIES):
        if find_study(config, name) is not None:
            models = tables["models"].find(study=name)
            n_diverged = int(models["diverged_at"].notna().sum())
            rows.append({"study": name, "n_runs": len(models), "n_diverged": n_diverged})
    return pd.DataFrame(rows)


def components(tables: Tables, config: Config) -> pd.DataFrame:
    """What ``benchmarks/components.py --write`` measured; nothing without its file."""
    path = config.book.file("components.csv")
    return pd.DataFrame() if path is None else pd.read_csv(path)


def sign(entry: Entry) -> int | None:
    """−1, 0 or 1 as an interval lies below 0, holds it, or lies above; None without a value."""
    if not entry.exists:
        return None
    return int(entry.low > 0) - int(entry.high < 0)


def versus(entry: Entry, low: str = "lower than", high: str = "higher than") -> str:
    """Words for a paired difference."""
    words = {None: "not comparable with", -1: low, 0: "not clearly different from", 1: high}
    return words[sign(entry)]


def weights(tables: Tables, config: Config) -> pd.DataFrame:
    """Final weights in the notebook's setting over seeds: every φ_i, and φ_X and φ_Z."""
    study = find_study(config, "notebook")
    if study is None:
        return pd.DataFrame()
    found = features(study)
    groups = dict(found.groups()) | {
        f"phi_{i + 1}": [f"phi_{i + 1}"] for i in range(len(found.names))
    }
    return pd.concat(
        [
            over_seeds(
                batch.assign(weight=name, mean_weight=batch[columns].mean(axis=1, skipna=False)),
                ["weight", "method", "penalty"],
                "mean_weight",
            )
            for name, columns in groups.items()
            for batch in base_batches(tables["models"], study)
        ],
        ignore_index=True,
    )


def starts_ends(tables: Tables, config: Config) -> pd.DataFrame:
    """Where IRM's training ends by where it starts: distance from the oracle, weight of Z."""
    study = find_study(config, "start")
    if study is None or not cast(study, Looks(config)).invariant:
        return pd.DataFrame()
    effects = features(study).columns(causal=False)
    names = [f"phi_{j + 1}" for j in range(study.model.n_features)]
    pieces = tables["models"].pieces
    pieces = pieces[(pieces["study"] == study.name) & (pieces["penalty"] != "")]
    parts = []
    for models in tables["models"].batches(["start", "method", "penalty"], pieces):
        distance = ((models[names] - exact.causal(study)) ** 2).sum(axis=1, skipna=False) ** 0.5
        measured = {
            "distance": distance,
            "near": 100.0 * (distance < NEAR),
            "z": models[effects].abs().mean(axis=1, skipna=False),
        }
        for quantity, values in measured.items():
            frame = models.assign(quantity=quantity, measured=values)
            parts.append(over_seeds(frame, ROW_KEYS["starts_ends"], "measured"))
    found = pd.concat(parts, ignore_index=True)
    return found.assign(start_name=found["start"].map(NAMES))


def ideal(tables: Tables, config: Config) -> pd.DataFrame:
    """The rows' own noise beside the noise floor, for the notebook's environments, over seeds."""
    study = find_study(config, "notebook")
    if study is None:
        return pd.DataFrame()
    parts = []
    wanted = [("train", study.n_samples[0], e) for e in study.train_sets[0]]
    wanted += [("test", study.n_test_samples, e) for e in study.test_environments]
    for split, n_samples, environment in wanted:
        rows = seeds_of(tables["environments"], study, split, n_samples, environment)
        for quantity in ("noise_variance", "oracle_mse"):
            keys = ["split", "environment", "quantity", "optimum"]
            parts.append(over_seeds(rows.assign(quantity=quantity), keys, quantity))
    return pd.concat(parts, ignore_index=True)


def penalty_ends(tables: Tables, config: Config) -> pd.DataFrame:
    """The penalty estimates at the first and last recorded step, and how many are negative."""
    study = find_study(config, "notebook")
    if study is None or not len(tables["trajectories"]):
        return pd.DataFrame()
    table = tables["trajectories"]
    pieces = at_base(table.pieces, study)
    pieces = pieces[pieces["penalty"] != ""]
    ends = dict(zip((pieces["step"].min(), pieces["step"].max()), ENDS, strict=True))
    batches = table.batches(["method", "penalty", "step"], pieces[pieces["step"].isin(list(ends))])
    return pd.concat([_penalty_ends(batch, ends) for batch in batches])


def _penalty_ends(batch: pd.DataFrame, ends: Mapping[int, str]) -> pd.DataFrame:
    frame = batch.assign(end=batch["step"].map(ends), n_negative=batch["penalty_estimate"] < 0)
    keys = ["end", "step", "method", "penalty"]
    counts = frame.groupby(keys, sort=False, as_index=False)["n_negative"].sum()
    return over_seeds(frame, keys, "penalty_estimate").merge(counts, on=keys)


@jinja2.pass_context
def calculator_of(context: Context, study: Study) -> dict[str, Any]:
    """What the page's script is told of the calculator."""
    return calculator_setting(study, context["looks"])


@jinja2.pass_context
def plane_of(context: Context, study: Study) -> dict[str, Any]:
    """What the page's script is told of the picture of the weights."""
    return calculator_plane(study, context["looks"])


# What the book's templates may do to a value, besides what all may.
FILTERS = {
    "calculator": calculator_of,
    "plane": plane_of,
    "feature": feature_label,
    "sign": sign,
    "versus": versus,
}
