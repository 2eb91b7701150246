"""From a figure's table to its SVG: one style, the same bytes for the same data, words inside."""

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from irm_bench.presentation.series import Looks

INK = "#010203"  # in the file it becomes currentColor: text follows the page, light or dark
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "irm_bench",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    **dict.fromkeys(
        (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "axes.titlecolor",
            "xtick.color",
            "ytick.color",
            "grid.color",
        ),
        INK,
    ),
}


def style() -> Any:
    return mpl.rc_context(STYLE)  # type: ignore[arg-type]


def plot(plugin: Any, data: pd.DataFrame, looks: Looks) -> Figure:
    with style():
        figure = Figure(figsize=plugin.SIZE, layout="constrained")
        plugin.draw(data, figure, looks)
        return figure


def axes_of(figure: Figure, column: str) -> list[dict[str, Any]]:
    """Where the axes of a drawn figure lie in its SVG, for those that mark a value on them.

    ``box`` is left, top, right, bottom; ``knots`` are pairs of a value of ``column`` and its place,
    between which places follow the logarithm of the value, or, from zero, the value itself.
    """
    scale, height = 72 / figure.dpi, 72 * figure.get_figheight()
    found = []
    for ax in figure.axes if column else ():
        box, (low, high) = ax.get_window_extent(), ax.get_xlim()
        linear = getattr(ax.xaxis.get_transform(), "linthresh", None)
        values = [low, high] if linear is None else [0.0, linear, high]
        places = [float(ax.transData.transform((v, ax.get_ylim()[0]))[0]) for v in values]
        edges = (box.x0 * scale, height - box.y1 * scale, box.x1 * scale, height - box.y0 * scale)
        knots = [[v, round(x * scale, 1)] for v, x in zip(values, places, strict=True)]
        found.append({"column": column, "box": [round(e, 1) for e in edges], "knots": knots})
    return found


def as_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """The figure as an SVG element: same data, same bytes; ids of its own; as wide as its place."""
    buffer = io.StringIO()
    with style():
        # savefig would draw all of it once more, to lay it out
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _own_ids(text, name).replace(INK, "currentColor")
    return _labelled(_lighter(text), name, title, description)


def save_png(figure: Figure, path: Path) -> None:
    """The figure as a picture on white paper, twice the size of a screen's."""
    with style():
        figure.savefig(path, format="png", dpi=200, facecolor="white", metadata={"Software": None})


def _own_ids(svg: str, name: str) -> str:
    """Drop the ids that nothing refers to and prefix the others with the figure's name."""
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))

    def rename(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    svg = re.sub(r' id="([^"]+)"', rename, svg)
    return re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", svg)


def _lighter(svg: str) -> str:
    """Tenths of a point are enough; fonts come from the page; equal styles are said once."""
    svg = re.sub(r"font-family: [^;\"]+; |<!--.*?-->| transform=\"rotate\(-0 [^\"]*\"", "", svg)
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"-?\d+\.\d{2,}", _short, tag[0]), svg)
    svg = re.sub(r"; stroke-linecap: \w+|; stroke-linejoin: \w+", "", svg)
    markers = r"(?:\s*<use [^>]*style=\"([^\"]*)\"/>)(?:\s*<use [^>]*style=\"\1\"/>)+"
    svg = re.sub(markers, _styled_once, svg)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"\s*\n(?=[A-Zz\"])", "", svg))


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _styled_once(match: re.Match[str]) -> str:
    style = match[1]
    return f'<g style="{style}">' + match[0].replace(f' style="{style}"', "") + "</g>"


def _labelled(svg: str, name: str, title: str, description: str) -> str:
    """Size from the viewBox alone, and the words for those who cannot see the figure."""
    box = re.search(r'viewBox="([^"]+)"', svg)
    if box is None:
        raise ValueError(f"figure {name}: no viewBox in its SVG")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box[1]}" role="img" aria-labelledby="{name}-title {name}-desc" '
        'font-family="system-ui, sans-serif">\n'
        f'<title id="{name}-title">{_escape(title)}</title>\n'
        f'<desc id="{name}-desc">{_escape(description)}</desc>\n'
    )
    return re.sub(r"<svg[^>]*>\s*", lambda _: head, svg, count=1)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
