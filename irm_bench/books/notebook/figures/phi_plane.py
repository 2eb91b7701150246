"""The picture that explains IRM: where the weights go, in the plane of φ(X) and φ(Z)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irm_bench.config import Config, Environment, Study
from irm_bench.planning import plan
from irm_bench.presentation.axes import ink, left_out, legend_above
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import (
    Looks,
    Series,
    at_base,
    base_batches,
    features,
    find_study,
)
from irm_bench.storage.paged import Rows

TITLE = "From the start to the causes: the weights step by step"
SECTION = "training"
STUDY = "notebook"
TABLES = ("trajectories",)
ROW_KEYS = ("kind", "environment", "method", "penalty", "seed", "updates", "angle")
SIZE = (6.6, 3.1)
RUN, MEAN, ZERO = "run", "mean", "zero penalty"
N_RUNS = 8  # seeds whose paths are kept
N_PLACES = 30  # of every path
N_ANGLES = 72  # of a curve of zero penalty
SHARES = (1 / 1000, 1 / 20, 1)  # of the updates, a panel each
COLUMNS = ["kind", "environment", "method", "penalty", "seed", "updates", "angle"]
PATH = ["method", "penalty", "step"]
COUNTS = ["n_seeds", "n_diverged"]
DASHES = ((0, (1, 2)), (0, (5, 3)), (0, (7, 2, 1, 2)))


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Paths of some seeds, their means over all, and where each environment's penalty is zero."""
    study = find_study(config, STUDY)
    if study is None or not len(tables["trajectories"]):
        return pd.DataFrame()
    groups = dict(features(study).groups())
    if not (groups["phi_x"] and groups["phi_z"]):
        return pd.DataFrame()
    table = tables["trajectories"]
    steps = sorted(set(at_base(table.pieces, study)["step"]))
    if not steps:
        return pd.DataFrame()  # the paths are those of other studies
    kept = _places(steps)
    parts: list[pd.DataFrame] = []
    for batch in base_batches(table, study, "step"):
        for _, rows in batch[batch["step"].isin(kept)].groupby(PATH, sort=False, observed=True):
            parts += _paths(rows, groups)
    parts += [_zero_penalty(study, place, groups) for place in study.train_sets[0]]
    found = pd.concat(parts, ignore_index=True)
    texts = found[["kind", "environment", "method", "penalty"]].astype(object).fillna("")
    return pd.concat([texts, found[[*COLUMNS[4:], "phi_x", "phi_z", *COUNTS]]], axis=1)


def _paths(batch: pd.DataFrame, groups: dict[str, list[str]]) -> Iterator[pd.DataFrame]:
    """Of one method after one number of updates: the first seeds, and the mean of all."""
    frame = batch[["method", "penalty", "seed"]].assign(updates=batch["step"])
    for name, columns in groups.items():
        frame[name] = batch[columns].mean(axis=1, skipna=False)
    yield frame.nsmallest(N_RUNS, "seed").assign(kind=RUN)
    is_good = frame["phi_x"].notna() & frame["phi_z"].notna()
    mean = frame.iloc[:1].drop(columns="seed")
    yield mean.assign(
        kind=MEAN,
        phi_x=frame["phi_x"].mean(),
        phi_z=frame["phi_z"].mean(),
        n_seeds=int(is_good.sum()),
        n_diverged=int((~is_good).sum()),
    )


def _places(updates: list[int]) -> set[int]:
    """Some of the recorded numbers of updates, the first and the last among them."""
    chosen = np.linspace(0, len(updates) - 1, min(N_PLACES, len(updates))).round().astype(int)
    return {updates[place] for place in chosen}


def _zero_penalty(
    study: Study, environment: Environment, groups: dict[str, list[str]]
) -> pd.DataFrame:
    """Where the slope φᵀ(Gφ − b) of an environment is zero, with equal weights in each group.

    In the plane of the two weights it is a conic through the origin; so a ray from there at an
    angle meets it once more, at a radius that is the ratio of its linear to its square part.
    """
    moments = plan.population(study.model, [environment]).at(0)
    member = np.zeros((2, study.model.n_features))
    for line, columns in zip(member, groups.values(), strict=True):
        line[[int(column.removeprefix("phi_")) - 1 for column in columns]] = 1
    gram, cross = member @ moments.gram @ member.T, member @ moments.cross
    angle = np.linspace(-np.pi / 2, np.pi / 2, N_ANGLES + 1)
    ray = np.stack([np.cos(angle), np.sin(angle)])
    radius = (cross @ ray) / np.einsum("ir,ij,jr->r", ray, gram, ray)
    phi_x, phi_z = radius * ray
    kind = {"kind": ZERO, "environment": environment.label}
    return pd.DataFrame({**kind, "angle": angle, "phi_x": phi_x, "phi_z": phi_z})


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    paths = data[data["kind"] != ZERO]
    stops = [_nearest(paths["updates"], share) for share in SHARES]
    axes = figure.subplots(1, len(stops), sharex=True, sharey=True)
    for ax, stop in zip(axes, stops, strict=True):
        _zero_curves(ax, data, looks)
        for series in looks(paths):
            _path(ax, series.rows(paths[paths["updates"] <= stop]), series)
        ax.plot([1], [0], "*", color=INK, markersize=9, label="the causes alone")
        ax.set_title(f"after {stop:,} updates")
        ax.set_xlabel("φ(X)")
        ax.set(xlim=(-0.1, 1.35), ylim=(-0.25, 1.1))
    axes[0].set_ylabel("φ(Z)")
    legend_above(figure, axes[0], columns=4)


def _nearest(updates: pd.Series, share: float) -> int:
    known = np.array(sorted(set(updates.dropna())))
    return int(known[np.abs(known - share * known[-1]).argmin()])


def _zero_curves(ax: Axes, data: pd.DataFrame, looks: Looks) -> None:
    zero = data[data["kind"] == ZERO]
    for place, (label, rows) in enumerate(zero.groupby("environment", sort=False)):
        words = f"no penalty at {looks.environment(str(label))}"
        dash = DASHES[place % len(DASHES)]
        ax.plot(rows["phi_x"], rows["phi_z"], color=INK, alpha=0.6, lw=1, ls=dash, label=words)


def _path(ax: Axes, rows: pd.DataFrame, series: Series) -> None:
    color = ink(series)
    for _, run in rows[rows["kind"] == RUN].groupby("seed"):
        ax.plot(run["phi_x"], run["phi_z"], color=color, lw=0.5, alpha=0.35)
    mean = rows[rows["kind"] == MEAN].sort_values("updates")
    ax.plot(mean["phi_x"], mean["phi_z"], color=color, ls=series.dash, label=series.label)
    ax.plot(mean["phi_x"].iloc[-1:], mean["phi_z"].iloc[-1:], series.marker, color=color)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    means = data[data["kind"] == MEAN]
    last = means[means["updates"] == means["updates"].max()]
    ends = []
    for series in looks(last):
        row = series.rows(last).iloc[0]
        ends.append(f"{series.label} at φ(X) {row.phi_x:.3g}, φ(Z) {row.phi_z:.3g}")
    return (
        "Right is more weight on the causes, up more on the effects. All paths start at the upper "
        "right, with both weights 1. An environment has no penalty on its own curve; only where "
        "the curves meet has none of them any, and one of these points is the causes alone. ERM "
        f"knows of no penalty, and goes where the error is least. The mean ends: {'; '.join(ends)}."
    )


def caption(data: pd.DataFrame, looks: Looks) -> str:
    runs = data[data["kind"] == RUN]["seed"].nunique()
    means = data[data["kind"] == MEAN]
    n = int(means["n_seeds"].max())
    return (
        f"Thick: the mean over {n} seeds; thin: {runs} of the seeds, so no interval. Grey: where "
        "an environment's penalty is zero when all causes have one weight and all effects one, "
        "with infinitely many rows. Star: the causal solution." + left_out(means)
    )
