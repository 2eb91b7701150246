"""The benchmark's table as a log-log figure and as text."""

import io
import math
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import N_DISTINCT
from benchmarks.scaling import N_RUNS, N_STEPS
from irm_bench.presentation.axes import log_axis
from irm_bench.presentation.drawing import INK, STYLE

CONTENDERS = {
    "notebook": ("the notebook's loop", "#d55e00", "s"),
    "batched": ("batched per-row loop", "#b07aa1", "D"),
    "engine": ("irm_bench", "#2f8fd0", "o"),
}
METHODS = {
    "erm": "ERM",
    "plug_in": "plug-in",
    "u_statistic": "U-statistic",
    "split_half": "split-half",
}
# What each axis is, and what its panel times.
AXES = {
    "seeds": ("seeds", f"two jobs, {N_STEPS} steps"),
    "n": ("rows an environment, n", f"a dataset; {N_RUNS} models"),
    "dim": ("dim", f"{N_RUNS} models, {N_STEPS} steps"),
    "steps": ("steps", f"{N_DISTINCT} models"),
    "environments": ("environments", f"{N_RUNS} models, {N_STEPS} steps"),
}
COLORS = ("#2f8fd0", "#d55e00", "#1a9e77")
# Shown as an image, a figure follows the reader's theme only by a stylesheet of its own.
THEME = "<style>svg{color:#1b1f24}@media (prefers-color-scheme:dark){svg{color:#e6e9ec}}</style>"


def draw(table: pd.DataFrame) -> str:
    """SVG: seconds a trained run, and how they grow along each axis."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(7.6, 4.8), layout="constrained")
        first, *others = figure.subplots(2, 3).flat
        _draw_runs(first, table[table["part"] == "trained run"])
        growth = table[table["part"] == "growth"]
        for ax, (axis, (label, title)) in zip(others, AXES.items(), strict=True):
            _draw_growth(ax, growth[growth["axis"] == axis])
            ax.set(xlabel=label, title=title)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue().replace(INK, "currentColor")
    start = svg.index(">", svg.index("<svg")) + 1
    return svg[svg.index("<svg") : start] + THEME + svg[start:]


def _draw_runs(ax: Axes, runs: pd.DataFrame) -> None:
    """One core; bars from the fastest to the slowest repeat."""
    for contender, (label, color, marker) in CONTENDERS.items():
        rows = runs[(runs["what"] == contender) & (runs["cores"] == 1)].set_index("method")
        rows = rows.loc[list(METHODS)]
        bars = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        names = list(METHODS.values())
        ax.errorbar(names, rows["value"], bars, fmt=marker, color=color, label=label)
    log_axis(ax, "y")
    ax.set(ylabel="CPU seconds", title="a trained model, 50,000 steps")
    ax.tick_params(axis="x", rotation=20)
    ax.set_ylim(top=runs["value"].max() * 1e4)
    ax.legend(loc="upper left")


def _draw_growth(ax: Axes, growth: pd.DataFrame) -> None:
    for color, (series, rows) in zip(COLORS, growth.groupby("what", sort=False), strict=False):
        ax.plot(rows["x"], rows["value"], "o-", color=color, label=series)
    log_axis(ax, "x")
    log_axis(ax, "y")
    xs = sorted(set(growth["x"]))
    ax.set_xticks(xs, [_short(x) for x in xs])
    ax.set_ylim(growth["value"].min() / 2, growth["value"].max() * 50)
    ax.legend(loc="upper left")


def _short(x: float) -> str:
    """1,000 and less in full, powers of ten beyond as such."""
    power = round(math.log10(x))
    if x > 1000 and x == 10**power:
        return "10" + str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{x:,.0f}"


def markdown(table: pd.DataFrame) -> str:
    """The table of the README: seconds a trained run on one core, and how many times faster."""
    runs = table[(table["part"] == "trained run") & (table["cores"] == 1)]
    seconds = runs.pivot_table(index="method", columns="what", values="value").loc[list(METHODS)]
    names = " | ".join(label for label, *_ in CONTENDERS.values())
    lines = [
        f"| one core, CPU seconds a model | {names} | |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for method, row in seconds.iterrows():
        times = row["notebook"] / row["engine"]
        cells = [_two_digits(row[who]) for who in CONTENDERS]
        lines.append(f"| {METHODS[str(method)]} | {' | '.join(cells)} | {times:,.0f}× |")
    (machine,) = table.loc[table["part"] == "machine", "what"]
    return "\n".join([*lines, "", f"Measured on: {machine}."])


def _two_digits(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 99.5 else f"{seconds:#.2g}".rstrip(".")


def words(table: pd.DataFrame, concluded: dict[str, Any]) -> str:
    """What is printed: times a run, ratios with their aims, slopes, memory, and the pipeline."""
    runs = table[table["part"] == "trained run"]
    runs = runs.astype({"cores": int})
    times = runs.pivot_table(index="method", columns=["cores", "what"], values="value", sort=False)
    memory = table[table["part"] == "peak memory"]
    ratios = [
        f"  {METHODS[method]}: {r['times_the_notebooks_loop']:,.0f}× the notebook's loop "
        f"(aim {r['aim']:,}×), {r['times_the_batched_loop']:,.0f}× the batched loop"
        for method, r in concluded["ratios"].items()
    ]
    lines = [
        "Seconds a trained run (n = 10,000, 50,000 steps, d = 4, 2 environments; timed on fewer",
        "steps and scaled), by cores (1: CPU time; more: wall time, one process a core):",
        times.to_string(float_format=lambda seconds: f"{seconds:.3g}"),
        "On one core:",
        *ratios,
        "Growth, seconds ~ x^slope over the upper half of the axis:",
        *(f"  {name}: {slope:.2f}" for name, slope in concluded["slopes"].items()),
        "Peak memory of a job (MB):",
        *(f"  {row.what}: {row.value:.0f}" for row in memory.itertuples()),
        "The default benchmark:",
        *(f"  {name.replace('_', ' ')}: {v:.3g}" for name, v in concluded["pipeline"].items()),
    ]
    for part in ("floor", "work", "start-up"):
        rows = table[table["part"] == part]
        lines += [f"  {part}, {row.what}: {row.value:.1f} s" for row in rows.itertuples()]
    return "\n".join(lines)
