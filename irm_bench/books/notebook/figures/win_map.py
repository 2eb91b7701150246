"""Over all pairs of training environments: by which factor ERM's risk exceeds IRM's."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from irm_bench.config import Config, Study
from irm_bench.config.layout import set_label
from irm_bench.presentation.axes import cell
from irm_bench.presentation.series import Looks, cast, find_study, risks

TITLE = "ERM's risk over IRM's, for every pair of training environments"
SECTION = "where"
STUDY = "sigma_grid"
TABLES = ("summary",)
ROW_KEYS = ("train_sigmas", "sigma")
SIZE = (6.6, 3.3)
# From which ratio on a cell is tinted how far; text on the darkest stays readable.
TINTS = ((1.1, 0.12), (2.0, 0.25), (5.0, 0.38), (20.0, 0.5))
UNTOLD = 1.005  # nearer to 1 than this, a ratio of two decimals would hide the winner


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
        standard_method=parts.standard.method,
        standard_penalty=parts.standard.penalty,
        invariant_method=parts.invariant.method,
        invariant_penalty=parts.invariant.penalty,
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
    colors = _colors(data, looks)
    for ax, sigma in zip(axes, sigmas, strict=True):
        _panel(ax, pairs(data[data["sigma"] == sigma]), colors)
        ax.set_title(f"tested at σ = {sigma:.3g}")
        ax.set_xlabel("lower training σ")
    axes[0].set_ylabel("higher training σ")
    keys = []
    for least, opacity in TINTS:
        for words, color in zip(("IRM lower", "ERM lower"), colors, strict=True):
            keys.append(Patch(facecolor=color, alpha=opacity, label=f"{words}, {least:g}×"))
    figure.legend(handles=keys, loc="outside lower center", ncols=len(TINTS), fontsize=7)


def _colors(data: pd.DataFrame, looks: Looks) -> tuple[str, str]:
    """The colours of the invariant and of the standard method."""
    row = data.iloc[0]
    invariant = looks.one(row.invariant_method, row.invariant_penalty)
    return invariant.color, looks.one(row.standard_method, row.standard_penalty).color


def _panel(ax: Axes, rows: pd.DataFrame, colors: tuple[str, str]) -> None:
    lows, highs = sorted(set(rows["low"])), sorted(set(rows["high"]))
    for row in rows.itertuples():
        place = lows.index(row.low), highs.index(row.high)
        is_lower = row.ratio > 1  # the standard method's risk is the higher one
        cell(ax, place, colors[0] if is_lower else colors[1], tint(row.ratio))
        ax.text(*place, label(row.ratio), ha="center", va="center", fontsize=7)
    ax.set_xticks(range(len(lows)), [f"{v:g}" for v in lows])
    ax.set_yticks(range(len(highs)), [f"{v:g}" for v in highs])
    ax.set(xlim=(-0.5, len(lows) - 0.5), ylim=(-0.5, len(highs) - 0.5))
    ax.grid(False)


def tint(ratio: float) -> float:
    """How far a cell is tinted, by the larger risk over the smaller; not at all for no number."""
    factor = max(ratio, 1 / ratio) if ratio > 0 else 0
    return max((opacity for least, opacity in TINTS if factor >= least), default=0)


def label(ratio: float) -> str:
    """A ratio for a cell: who wins can be read from it; ``div.`` where a mean has no runs."""
    if not np.isfinite(ratio):
        return "div."
    if max(ratio, 1 / ratio) < UNTOLD:
        return f"{ratio:.3f}"
    if 0.1 <= ratio < 9.95:
        return f"{ratio:.2f}"
    return f"{ratio:.2g}" if ratio < 99.5 else f"{ratio:.0f}"


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
        f"over {int(data['n_seeds'].max())} seeds. Above 1 (in the colour of IRM) IRM has the "
        "lower risk, below 1 (in that of ERM) ERM has, darker from the factors of the legend on; "
        "no colour: they differ by less than a tenth. div.: all runs diverged. Where there is no "
        "cell, there is no such pair. No interval: see the data."
    )
