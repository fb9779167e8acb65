"""The table of a torture: a line per fault and side, what became of it at each place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

_HEAD = """# Torture

Made by `make torture`; do not edit. Each line is one fault at one side, tried at every place of a run where it can
happen: `exits` counts how the struck run ended, `again` how many further runs of the same command it took until
myOGO held what the catalogue asks for. In every cell nothing was lost or doubled, the counts added up, no write was
left open in the journal, the retry budget was kept and no credential reached another host.
"""


class Row(NamedTuple):
    family: str
    fault: str
    side: str
    place: str
    exits: list[int]
    note: str


def rendered(rows: Iterable[Row]) -> str:
    """Markdown, sorted as the cells were declared within their families."""
    lines = [_HEAD]
    families: dict[str, dict[tuple[str, str], list[Row]]] = {}
    for row in sorted(rows, key=lambda row: (row.family, row.fault, row.side, row.place)):
        families.setdefault(row.family, {}).setdefault((row.fault, row.side), []).append(row)
    for family, groups in families.items():
        cells = sum(map(len, groups.values()))
        lines += [
            f"## {family} ({cells} cells)",
            "",
            "| Fault | Side | Places | Exits | Again |",
            "|---|---|---|---|---|",
        ]
        for (fault, side), group in groups.items():
            exits = Counter(row.exits[0] for row in group)
            again = Counter(len(row.exits) - 1 for row in group)
            lines.append(f"| {fault} | {side} | {len(group)} | {_counted(exits)} | {_counted(again)} |")
        lines.append("")
    return "\n".join(lines)


def _counted(counts: Counter[int]) -> str:
    return ", ".join(f"{value} x {count}" for value, count in sorted(counts.items()))
