"""Curves side by side, as one SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDE, HIGH, LEFT, TOP, GAP = 300, 220, 60, 40, 110
COLOURS = ("#1f7a5c", "#7d8da0")


@dataclass(frozen=True)
class Panel:
    """A picture of curves, on logarithmic axes if the number of channels is on one."""

    title: str
    across: str
    upwards: str
    curves: dict[str, list[tuple[float, float]]]
    is_logarithmic: bool


def drawn(panels: Sequence[Panel]) -> str:
    """The panels side by side, as one SVG."""
    width, height = LEFT + len(panels) * (WIDE + GAP), TOP + HIGH + 60
    parts = [_panel(panel, LEFT + number * (WIDE + GAP)) for number, panel in enumerate(panels)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _panel(panel: Panel, left: int) -> str:
    points = [point for curve in panel.curves.values() for point in curve]
    scale: Callable[[float], float] = (lambda value: math.log10(max(value, 0.5))) if panel.is_logarithmic else float
    low_x, high_x = (scale(pick(x for x, _ in points)) for pick in (min, max))
    low_y, high_y = (0.0, scale(max(y for _, y in points)))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (scale(x) - low_x) / ((high_x - low_x) or 1)
        upwards = (scale(y) - low_y) / ((high_y - low_y) or 1)
        return left + across * WIDE, TOP + HIGH - max(0.0, upwards) * HIGH

    lines = [
        f'<text x="{left}" y="{TOP - 18}" font-weight="bold">{escape(panel.title)}</text>',
        f'<path d="M{left} {TOP}V{TOP + HIGH}H{left + WIDE}" stroke="#8a8a8a" fill="none"/>',
        f'<text x="{left + WIDE}" y="{TOP + HIGH + 38}" text-anchor="end">{escape(panel.across)}</text>',
        f'<text x="{left - 40}" y="{TOP - 3}">{escape(panel.upwards)}</text>',
    ]
    for x in sorted({x for x, _ in points}):
        lines.append(f'<text x="{at(x, 1)[0]:.0f}" y="{TOP + HIGH + 18}" text-anchor="middle">{x:,.0f}</text>')
    step = next(one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if one * 6 >= high_y)
    is_falling = not panel.is_logarithmic and points[0][1] > points[-1][1]
    words_at = f'x="{left + WIDE}" text-anchor="end"' if is_falling else f'x="{left + 14}"'
    for y in (1, 10, 100, 1000) if panel.is_logarithmic else range(0, int(high_y) + 1, step):
        if scale(y) <= high_y:
            lines.append(f'<text x="{left - 6}" y="{at(1, y)[1] + 4:.0f}" text-anchor="end">{y:,.0f}</text>')
    for number, (words, curve) in enumerate(panel.curves.items()):
        colour, places = COLOURS[number % len(COLOURS)], [at(x, y) for x, y in curve]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        lines.append(f'<path d="M{line}" stroke="{colour}" fill="none" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        lines.append(f'<text {words_at} y="{TOP + 14 + 16 * number}" fill="{colour}">{escape(words)}</text>')
    return "\n".join(lines)
