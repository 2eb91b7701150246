"""Over all pairs of training environments: by which factor ERM's risk exceeds IRM's."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from irm_bench.config import Config, Study
from irm_bench.config.layout import set_label
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, cast, find_study, risks

TITLE = "ERM's risk over IRM's, for every pair of training environments"
SECTION = "where"
STUDY = "sigma_grid"
TABLES = ("summary",)
ROW_KEYS = ("train_sigmas", "sigma")
SIZE = (6.4, 2.9)
LIMIT = 1.5  # decades at which the colours end
# Orange where IRM is better, blue where ERM is, and no ink in between.
COLORS = ("#0072b2", "#ffffff00", "#d55e00")


def data(tables: dict[str, pd.DataFrame], config: Config) -> pd.DataFrame:
    """Ratio of mean risks (standard method over invariant one), training set and test σ."""
    study = find_study(config, STUDY)
    if study is None:
        return pd.DataFrame()
    parts = cast(study, Looks(config))
    if parts.standard is None or parts.invariant is None:
        return pd.DataFrame()
    frame = risks(tables["summary"], study)
    keys = ["train_sigmas", "sigma"]
    standard, invariant = (
        p.rows(frame)[[*keys, "mean", "n_seeds", "n_diverged"]].rename(columns={"mean": name})
        for p, name in ((parts.standard, "standard"), (parts.invariant, "invariant"))
    )
    both = standard.drop(columns=["n_seeds", "n_diverged"]).merge(invariant, on=keys)
    both = both.merge(_ends(study), on="train_sigmas")
    return both.assign(
        standard_label=parts.standard.label,
        invariant_label=parts.invariant.label,
        ratio=both["standard"] / both["invariant"],
    )


def _ends(study: Study) -> pd.DataFrame:
    """The lower and the higher σ of every training pair; of larger sets none."""
    rows = []
    for train in study.train_sets:
        ends = (train[0]["sigma"], train[1]["sigma"]) if len(train) == 2 else (np.nan, np.nan)
        rows.append((set_label(train), *ends))
    return pd.DataFrame(rows, columns=["train_sigmas", "low", "high"])


def pairs(data: pd.DataFrame) -> pd.DataFrame:
    """The rows of training pairs."""
    return data[data["low"].notna()]


def panels(data: pd.DataFrame) -> list[float]:
    """Smallest, middle and largest test σ."""
    sigmas = sorted(set(data["sigma"]))
    return sorted({sigmas[0], sigmas[len(sigmas) // 2], sigmas[-1]})


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    sigmas = panels(data)
    axes = figure.subplots(1, len(sigmas), sharey=True, squeeze=False)[0]
    for ax, sigma in zip(axes, sigmas, strict=True):
        _panel(ax, pairs(data[data["sigma"] == sigma]))
        ax.set_title(f"tested at σ = {sigma:.3g}")
        ax.set_xlabel("lower training σ")
    axes[0].set_ylabel("higher training σ")


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    lows, highs = sorted(set(rows["low"])), sorted(set(rows["high"]))
    grid = np.full((len(highs), len(lows)), np.nan)
    for row in rows.itertuples():
        place = highs.index(row.high), lows.index(row.low)
        grid[place] = np.log10(row.ratio)
        text = f"{row.ratio:.2g}" if row.ratio < 99.5 else f"{row.ratio:.0f}"
        ax.text(place[1], place[0], text, ha="center", va="center", fontsize=7)
    ax.pcolormesh(
        np.arange(len(lows) + 1) - 0.5,
        np.arange(len(highs) + 1) - 0.5,
        np.ma.masked_invalid(grid),
        cmap=LinearSegmentedColormap.from_list("better", COLORS),
        vmin=-LIMIT,
        vmax=LIMIT,
        edgecolor=INK,
        linewidth=0.2,
    )
    ax.set_xticks(range(len(lows)), [f"{v:g}" for v in lows])
    ax.set_yticks(range(len(highs)), [f"{v:g}" for v in highs])
    ax.grid(False)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    parts = []
    for sigma in panels(data):
        rows = pairs(data[data["sigma"] == sigma])
        parts.append(
            f"tested at σ = {sigma:.3g} the ratio runs from {rows['ratio'].min():.2g} to "
            f"{rows['ratio'].max():.3g} and exceeds one for {int((rows['ratio'] > 1).sum())} of "
            f"{len(rows)} pairs"
        )
    return "Triangular grids, one cell a pair of training environments: " + "; ".join(parts) + "."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    row = data.iloc[0]
    return (
        f"Numbers: mean risk of {row.standard_label} divided by that of {row.invariant_label}, "
        f"over {int(data['n_seeds'].max())} seeds. Above 1 (orange) IRM is better, below 1 "
        "(blue) ERM is. Colours on a logarithmic scale. No interval: see the table of the "
        "data."
    )
