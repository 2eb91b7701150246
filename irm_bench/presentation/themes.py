"""Colours of the figures that follow the page, light or dark."""

import re
from collections.abc import Iterable

LIGHT_PAPER, DARK_PAPER = "#ffffff", "#15181c"
CONTRAST = 3.0  # WCAG 2, for graphics


def themed(svg: str) -> str:
    """Every colour becomes a variable, itself the fallback, so that the stylesheet may shift it."""
    return re.sub(r"(?<=[:\s])#([0-9a-f]{6})(?=[;\"])", r"var(--c\1,#\1)", svg)


def variables(svgs: Iterable[str], paper: str) -> str:
    """CSS that lightens or darkens each colour of the figures until it stands out on ``paper``."""
    colors = sorted({c for svg in svgs for c in re.findall(r"var\(--c([0-9a-f]{6}),", svg)})
    return "".join(f"--c{c}:{readable('#' + c, paper)};" for c in colors)


def readable(color: str, paper: str, contrast: float = CONTRAST) -> str:
    """``color``, moved towards white or black only as far as the contrast with ``paper`` needs."""
    target = (255, 255, 255) if _luminance(_rgb(paper)) < 0.5 else (0, 0, 0)
    rgb = _rgb(color)
    for percent in range(0, 101, 2):
        mixed = tuple(round(c + (t - c) * percent / 100) for c, t in zip(rgb, target, strict=True))
        if _ratio(mixed, _rgb(paper)) >= contrast:
            return "#{:02x}{:02x}{:02x}".format(*mixed)
    return "#{:02x}{:02x}{:02x}".format(*target)


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def _ratio(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(rgb: tuple[int, ...]) -> float:
    """Relative luminance, WCAG 2."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
