"""Draws docs/rooms.svg: the packages of the project and which imports which.

python docs/rooms.py          writes docs/rooms.svg
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SVG = ROOT / "docs" / "rooms.svg"

# What each room is for; a room is a package of `pipelines/`, or a top-level package.
ROOMS = {
    "cli": "the command line",
    "web": "pages, schedule, webhooks",
    "webhooks": "events start runs",
    "reports": "what people read",
    "engine": "one run: read, plan, push",
    "flows": "one declaration per flow",
    "systems": "one folder per vendor",
    "config": "the channel file",
    "state": "tables, journal, history",
    "fleet": "one channel, many machines",
    "transforms": "rows to rows, in pandas",
    "schemas": "fields, contracts, rules",
    "core": "errors, logs, signals",
}


def room_of(module: str) -> str:
    """The room of a module (`pipelines.engine.plan` is in `engine`); "" outside the picture, as for the sandbox."""
    parts = module.split(".")
    name = parts[1] if parts[0] == "pipelines" and len(parts) > 1 else parts[0]
    return name if name in ROOMS else ""


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports while it runs: imports for type checking do not count."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in sorted(ROOT.glob("*/**/*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if room := room_of(module):
            for imported in _imported(ast.parse(path.read_text("utf-8"))):
                if (other := room_of(imported)) and other != room:
                    found[room].add(other)
    return found


def _imported(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        else:
            yield from _imported(child)


def floors(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The rooms by height: each imports only from lower floors. Raises ValueError if rooms import each other."""
    below: set[str] = set()
    levels: list[list[str]] = []
    while len(below) < len(graph):
        level = [room for room in graph if room not in below and graph[room] <= below]
        if not level:
            circle = {room: sorted(graph[room] - below) for room in graph if room not in below}
            raise ValueError(f"rooms import each other: {circle}")
        levels.append(level)
        below.update(level)
    return levels


def reduced(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Without the arrows that follow from others: if A imports B and C, and B imports C, then A to C is left out."""

    def reached(room: str) -> set[str]:
        return graph[room].union(*(reached(other) for other in graph[room]))

    return {room: {other for other in others if not any(other in reached(third) for third in others)}
            for room, others in graph.items()}  # fmt: skip


WIDTH, BOX_WIDTH, BOX_HEIGHT, GAP = 760, 215, 44, 34
STYLE = (
    "text{font:12px sans-serif;fill:#222}.name{font-weight:bold}rect{fill:#eef3f8;stroke:#5b7a99}"
    "path{stroke:#8a8a8a;fill:none;marker-end:url(#tip)}"
)


def draw(graph: Mapping[str, set[str]]) -> str:
    """The picture: the rooms on their floors, and an arrow from each room to those that it imports."""
    levels = floors(graph)
    height = len(levels) * (BOX_HEIGHT + GAP) + GAP // 2
    at: dict[str, tuple[float, float]] = {}
    for number, level in enumerate(levels):
        for column, room in enumerate(level):
            left = (WIDTH - len(level) * (BOX_WIDTH + 20)) / 2 + column * (BOX_WIDTH + 20)
            at[room] = (left, height - (number + 1) * (BOX_HEIGHT + GAP))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>The rooms of centra-myogo; each imports only from rooms below it</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" style="fill:#8a8a8a;stroke:none"/></marker></defs>',
    ]
    for room, others in reduced(graph).items():
        x, y = at[room]
        for other in sorted(others):
            x2, y2 = at[other]
            lines.append(f'<path d="M{x + BOX_WIDTH / 2:g} {y + BOX_HEIGHT:g}L{x2 + BOX_WIDTH / 2:g} {y2:g}"/>')
    for room, (x, y) in at.items():
        lines += [
            f'<rect x="{x:g}" y="{y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>',
            f'<text class="name" x="{x + 10:g}" y="{y + 18:g}">{room}</text>',
            f'<text x="{x + 10:g}" y="{y + 35:g}">{ROOMS[room]}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    SVG.write_text(draw(imports()), "utf-8")
