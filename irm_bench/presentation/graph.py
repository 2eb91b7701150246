"""A drawing of a structural equation model: who acts on whom."""

import itertools
from collections.abc import Iterable

from markupsafe import Markup

STEP, ROW, RADIUS = 110, 62, 20

Edge = tuple[str, str]


def edges_of(text: str) -> list[Edge]:
    """The arrows of ``X -> Y -> Z; (H) -> X``: pairs of names, what is hidden in brackets.

    Raises:
        ValueError: a part without an arrow.
    """
    edges: list[Edge] = []
    for chain in text.split(";"):
        names = [name.strip() for name in chain.split("->")]
        if len(names) < 2 or not all(names):
            raise ValueError(f"GRAPH: {chain.strip()!r} has no arrow; write e.g. 'X -> Y -> Z'")
        edges += itertools.pairwise(names)
    return edges


def ranks(edges: Iterable[Edge]) -> dict[str, int]:
    """How many arrows lead to a name at most.

    Raises:
        ValueError: the arrows go round in a circle.
    """
    edges = list(edges)
    rank = {name: 0 for edge in edges for name in edge}
    for _ in range(len(rank) + 1):
        before = dict(rank)
        for cause, effect in edges:
            rank[effect] = max(rank[effect], rank[cause] + 1)
        if rank == before:
            return rank
    raise ValueError("GRAPH: its arrows go round in a circle")


def svg(text: str) -> Markup:
    """The drawing as an SVG element that follows the page's text colour."""
    edges = edges_of(text)
    places = _places(ranks(edges))
    width = max(x for x, _ in places.values()) + STEP / 2
    height = max(y for _, y in places.values()) + ROW / 2
    parts = [_arrow(places[cause], places[effect]) for cause, effect in edges]
    parts += [_node(name, place) for name, place in places.items()]
    words = "; ".join(f"{_plain(cause)} acts on {_plain(effect)}" for cause, effect in edges)
    return Markup(
        '<svg class="graph" viewBox="0 0 {} {}" width="{}" role="img" aria-label="{}">{}</svg>'
    ).format(int(width), int(height), int(width), words, Markup("").join(parts))


def _places(levels: dict[str, int]) -> dict[str, tuple[float, float]]:
    """What is hidden stands over the rest; what has one rank, one under the other."""
    lines: dict[int, int] = {}
    has_hidden = any(_is_hidden(name) for name in levels)
    places = {}
    for name, level in levels.items():
        if _is_hidden(name):
            places[name] = (STEP / 2 + STEP * (level + 0.5), ROW / 2)
            continue
        line = lines.get(level, int(has_hidden))
        lines[level] = line + 1
        places[name] = (STEP / 2 + STEP * level, ROW / 2 + ROW * line)
    least = min(x for x, _ in places.values())
    return {name: (x - least + STEP / 2, y) for name, (x, y) in places.items()}


def _is_hidden(name: str) -> bool:
    return name.startswith("(")


def _plain(name: str) -> str:
    return f"hidden {name.strip('()')}" if _is_hidden(name) else name


def _node(name: str, place: tuple[float, float]) -> Markup:
    dash = Markup(' stroke-dasharray="4 3"') if _is_hidden(name) else ""
    return Markup(
        '<circle cx="{0:.0f}" cy="{1:.0f}" r="{2}" fill="none" stroke="currentColor"{3}/>'
        '<text x="{0:.0f}" y="{4:.0f}" text-anchor="middle" fill="currentColor">{5}</text>'
    ).format(*place, RADIUS, dash, place[1] + 5, name.strip("()"))


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    """A line from rim to rim with a head at its end."""
    run, rise = end[0] - start[0], end[1] - start[1]
    length = (run * run + rise * rise) ** 0.5
    run, rise = run / length, rise / length
    x, y = end[0] - (RADIUS + 2) * run, end[1] - (RADIUS + 2) * rise
    left = x - 9 * run + 4 * rise, y - 9 * rise - 4 * run
    right = x - 9 * run - 4 * rise, y - 9 * rise + 4 * run
    points = [(x, y), left, right]
    head = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    return Markup(
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="currentColor"/>'
        '<polygon points="{}" fill="currentColor"/>'
    ).format(start[0] + RADIUS * run, start[1] + RADIUS * rise, x, y, head)
