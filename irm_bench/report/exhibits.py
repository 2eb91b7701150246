"""Tables that every page shows and no file holds: derived from the tables and the config."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from irm_bench.config import Config, Study
from irm_bench.report import runs, truths
from irm_bench.storage import comparison
from irm_bench.storage.paged import Rows

# Of a row a seed: Rows; the others: frames.
Tables = Mapping[str, Any]

# The columns that tell the rows of an exhibit apart.
ROW_KEYS = {
    "facts": ("name",),
    "coverage_ends": ("interval", "n_seeds"),
    "published": ("table",),
    "margin_flips": ("claim",),
    "looked": ("look",),
    "runs": runs.KEYS,
}
VERDICTS = (
    "supported",
    "supported within a stated limit",
    "refuted in part",
    "refuted",
    "inconclusive",
)


def build(tables: Tables, config: Config) -> dict[str, pd.DataFrame]:
    """Every exhibit that the config has something for."""
    exhibits = {
        "facts": facts(tables, config),
        "coverage_ends": coverage_ends(tables, config),
        "floors": truths.floors(tables, config),
        "oracles": truths.oracles(tables, config),
        "distances": truths.distances(tables, config),
        "choices": choices(tables),
        "margin_flips": margin_flips(tables),
        "looked": looked(tables),
        "runs": runs.table(tables["errors"], config),
    }
    return {name: frame for name, frame in exhibits.items() if not frame.empty}


def choices(tables: Tables) -> pd.DataFrame:
    """For how many seeds each rule takes which model: the columns of ``selections``, n_seeds."""
    if "selections" not in tables:
        return pd.DataFrame()
    table: Rows = tables["selections"]
    counts = []
    for batch in table.batches(["study"], table.pieces):
        groups = batch.groupby(table.keys, sort=False, dropna=False, observed=True)
        counts.append(groups.size().rename("n_seeds").reset_index())
    return pd.concat(counts, ignore_index=True)


def facts(tables: Tables, config: Config) -> pd.DataFrame:
    """Counts and settings: name, value, meaning."""
    n_models, n_diverged = trained_models(tables["models"])
    rows: list[tuple[str, float, str]] = [
        ("n_seeds", len(config.seeds), "seeds used by any study"),
        ("n_models", n_models, "trained models; one that two studies share counts once"),
        ("n_diverged", n_diverged, "of these, models whose training diverged"),
        ("n_evaluations", len(tables["errors"]), "evaluations of a model in an environment"),
    ]
    for study in config.studies:
        rows += [
            (f"{study.name}.{n}", v, f"config, study {study.name}") for n, v in settings(study)
        ]
    rows += [*verdict_counts(tables), *control_counts(tables), *printed_counts(tables)]
    return pd.DataFrame(rows, columns=["name", "value", "meaning"])


def trained_models(models: Rows) -> tuple[int, int]:
    """How many models were trained, and how many of them diverged."""
    pieces = models.pieces[models.pieces["steps"] > 0]
    n_models = n_diverged = 0
    for batch in models.batches([key for key in models.keys if key != "study"], pieces):
        distinct = batch.drop_duplicates([*(key for key in models.keys if key != "study"), "seed"])
        n_models += len(distinct)
        n_diverged += int(distinct["diverged_at"].notna().sum())
    return n_models, n_diverged


def verdict_counts(tables: Tables) -> Iterator[tuple[str, float, str]]:
    """How many claims there are, and how many have each verdict."""
    if "claims" in tables:
        verdicts = tables["claims"]["verdict"]
        yield "n_claims", len(verdicts), "rows of claims"
        for verdict in VERDICTS:
            yield f"verdict {verdict}", int((verdicts == verdict).sum()), "rows of claims"
        kinds, status = tables["claims"]["kind"], tables["claims"]["status"]
        yield "n_checks", int((kinds == "check").sum()), "rows of claims that are checks"
        if (status != "").any():
            for name in ("confirmatory", "exploratory"):
                yield f"n_{name}", int((status == name).sum()), f"rows of claims that are {name}"


def control_counts(tables: Tables) -> Iterator[tuple[str, float, str]]:
    """How many false twins were judged as they should be, and how many verdicts hang on no margin
    between half and twice the declared one."""
    if "controls" in tables:
        as_expected = tables["controls"]["as_expected"]
        yield "n_controls", len(as_expected), "rows of controls"
        yield (
            "n_controls_as_expected",
            int(as_expected.sum()),
            "rows of controls that are as expected",
        )
    if "margins" in tables:
        flips = margin_flips(tables)
        if not flips.empty:
            robust = ~(flips["from_factor"] > 0.5) & ~(flips["to_factor"] < 2)
            yield "n_margins_robust", int(robust.sum()), "claims that stand from half to twice"


def looked(tables: Tables) -> pd.DataFrame:
    """By look, where seeds are added: how many claims were decided, and which had not been before.

    ``news`` names these claims, joined by ;.
    """
    if "looks" not in tables:
        return pd.DataFrame()
    rows = []
    known: set[str] = set()
    for look, of_look in tables["looks"].groupby("look"):
        decided = of_look.loc[of_look["verdict"] != "inconclusive", "claim"].astype(str)
        rows.append(
            {
                "look": look,
                "n_seeds": of_look["n_seeds"].iloc[0],
                "level": of_look["level"].iloc[0],
                "n_decided": len(decided),
                "n_open": int(of_look["open"].sum()),
                "news": ";".join(claim for claim in decided if claim not in known),
            }
        )
        known |= set(decided)
    return pd.DataFrame(rows)


def margin_flips(tables: Tables) -> pd.DataFrame:
    """Between which factors of its margins each verdict stands, and what it is beyond them."""
    if "margins" not in tables or "claims" not in tables:
        return pd.DataFrame()
    titles = dict(zip(tables["claims"]["claim"], tables["claims"]["title"], strict=True))
    rows = []
    for claim, of_claim in tables["margins"].groupby("claim", sort=False):
        frame = of_claim.sort_values("factor").reset_index(drop=True)
        here = int((frame["factor"] - 1).abs().idxmin())
        stands = frame["stands"].astype(bool)
        low = high = here
        while low > 0 and stands[low - 1]:
            low -= 1
        while high < len(frame) - 1 and stands[high + 1]:
            high += 1
        is_first, is_last = low == 0, high == len(frame) - 1
        rows.append(
            {
                "claim": claim,
                "title": titles.get(claim, claim),
                "verdict": frame["verdict"][here],
                "from_factor": np.nan if is_first else frame["factor"][low],
                "to_factor": np.nan if is_last else frame["factor"][high],
                "below": "" if is_first else frame["verdict"][low - 1],
                "above": "" if is_last else frame["verdict"][high + 1],
            }
        )
    return pd.DataFrame(rows)


def printed_counts(tables: Tables) -> Iterator[tuple[str, float, str]]:
    """How many of the source's numbers can be compared, and how many lie inside."""
    if "printed" in tables:
        inside = tables["printed"]["inside"].dropna()
        yield "n_printed", len(inside), "numbers of the source that are compared"
        yield "n_printed_inside", int(inside.sum()), "of these, inside the interval"


def settings(study: Study) -> Iterator[tuple[str, float]]:
    """What a study's first setting is made of."""
    for name, value in study.model.options:
        if not isinstance(value, str):
            yield name, float(value)
    yield "n_samples", study.n_samples[0]
    yield "n_test_samples", study.n_test_samples
    yield "steps", study.steps
    yield "learning_rate", study.learning_rate.value
    yield "error_weight", study.error_weights[0]
    yield "n_seeds", len(study.seeds)
    yield "n_train_sets", len(study.train_sets)
    yield "least_n_samples", min(study.n_samples)
    yield "most_n_samples", max(study.n_samples)
    yield "learning_rate_safety", study.learning_rate.safety


def coverage_ends(tables: Tables, config: Config) -> pd.DataFrame:
    """Least and most coverage of an interval over quantities, by seeds; n_seeds 0: any number."""
    frame = tables.get("coverage", pd.DataFrame())
    if frame.empty:
        return frame
    whole = pd.concat([frame, frame.assign(n_seeds=0)])
    groups = whole.groupby(["interval", "n_seeds"], as_index=False)
    return groups.agg(
        least=("coverage", "min"), most=("coverage", "max"), n_replicates=("n_replicates", "max")
    )


def compared(tables: Path, published: Path | None, config: Config) -> dict[str, pd.DataFrame]:
    """The run against the published one, a row a table; nothing where that has another config."""
    if published is None or not comparison.is_comparable(config, published):
        return {}
    comparisons = comparison.compare(tables, published, sums_again=False)
    return {"published": pd.DataFrame([asdict(c) | {"is_good": c.is_good} for c in comparisons])}
