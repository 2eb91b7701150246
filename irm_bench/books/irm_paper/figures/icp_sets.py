"""Which features ICP takes for causes, setting by setting."""

import pandas as pd
from matplotlib.figure import Figure

from irm_bench.books.irm_paper.labels import letters, words
from irm_bench.config import Config
from irm_bench.presentation.drawing import INK
from irm_bench.presentation.series import Looks, find_study
from irm_bench.storage.paged import Rows

TITLE = "What ICP accepts"
SECTION = "icp"
STUDY = "pooled"
TABLES = ("models",)
SETTING = ["hidden", "hetero", "scramble"]
ROW_KEYS = (*SETTING, "feature")
SIZE = (6.6, 3.6)
LARGEST = 130.0  # area of the mark of a feature that is always taken
COUNTS = ("n_accepted", "n_mean_accepted", "n_variance_accepted")


def data(tables: dict[str, Rows], config: Config) -> pd.DataFrame:
    """Share of the runs that take each feature, and what the tests accept, on average."""
    study = find_study(config, STUDY)
    if study is None or "icp" not in [method.name for method in study.methods]:
        return pd.DataFrame()
    rows = tables["models"].find(study=STUDY, method="icp")
    found = []
    for key, runs in rows.groupby(SETTING, sort=False, observed=True):
        of_setting = dict(zip(SETTING, key, strict=True))
        kept = runs[runs["phi_1"].notna()]
        told = {f"mean_{name}": kept[name].mean() for name in COUNTS}
        told |= {f"none_{name}": (kept[name] == 0).mean() for name in COUNTS}
        counts = {"n_seeds": len(kept), "n_diverged": len(runs) - len(kept)}
        for j in range(study.model.n_features):
            share = (kept[f"phi_{j + 1}"] != 0).mean()
            found.append({**of_setting, "feature": j + 1, "share": share, **told, **counts})
    frame = pd.DataFrame(found)
    frame["setting"] = [letters(row) for row in frame.itertuples()]
    return frame


def draw(data: pd.DataFrame, figure: Figure, looks: Looks) -> None:
    settings = list(dict.fromkeys(data["setting"]))
    ax = figure.subplots()
    color = looks.one("icp").color
    for row in data.itertuples():
        y = settings.index(row.setting)
        ax.scatter([row.feature], [y], s=LARGEST, facecolors="none", edgecolors=INK, lw=0.4)
        if row.share > 0:
            ax.scatter([row.feature], [y], s=LARGEST * row.share, color=color, lw=0)
    d = int(data["feature"].max())
    half = d // 2
    ax.axvline(half + 0.5, color=INK, lw=0.6, ls=(0, (4, 3)))
    for y, setting in enumerate(settings):
        mine = data[data["setting"] == setting].iloc[0]
        for k, name in enumerate(COUNTS):
            text = f"{mine[f'mean_{name}']:.0f}"
            ax.text(d + 1.2 + 1.6 * k, y, text, ha="center", va="center")
    names = [f"X{j + 1}" for j in range(half)] + [f"Z{j + 1}" for j in range(d - half)]
    heads = ["both", "means", "variances"]
    places = [d + 1.2 + 1.6 * k for k in range(len(heads))]
    ax.set_xticks([*range(1, d + 1), *places], [*names, *heads])
    ax.set_yticks(range(len(settings)), settings)
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.set_xlim(0.4, d + 2 + 1.6 * len(heads))
    below = len(settings) + 0.35
    ax.text((d + 1) / 2, below, "feature (rotated: a mixture of all)", ha="center", va="center")
    ax.text(places[1], below, "subsets accepted, by tests of", ha="center", va="center")
    ax.tick_params(length=0)


def describe(data: pd.DataFrame, looks: Looks) -> str:
    half = int(data["feature"].max()) // 2
    parts = []
    for setting, rows in data.groupby("setting", sort=False):
        causes = rows[rows["feature"] <= half]["share"].mean()
        others = rows[rows["feature"] > half]["share"].mean()
        parts.append(f"{setting}: first half {100 * causes:.0f}%, second half {100 * others:.0f}%")
    return f"Share of the runs in which ICP takes a feature: {'; '.join(parts)}."


def caption(data: pd.DataFrame, looks: Looks) -> str:
    n_subsets = 2 ** int(data["feature"].max()) - 1
    named = data.drop_duplicates("setting")
    told = "; ".join(f"{row.setting}: {words(row)}" for row in named.itertuples())
    n = int(data["n_seeds"].max())
    return (
        f"Area: share of {n} runs that take the feature for a cause; an empty ring: none. Right: "
        f"how many of the {n_subsets:,} subsets are accepted on average, by both tests and by each "
        f"alone. {told}."
    )
