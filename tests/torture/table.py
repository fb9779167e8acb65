"""The tables of docs/torture.md: a line per fault and side with the results of its cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

_HEAD = """# Torture

Written by `make torture`; do not edit. Each line is one fault on one side, injected at every place of a run where it
can happen. *Exit* counts the exit codes of the runs with the fault, *reruns* the further runs of the same command until
both systems were as expected. In every cell nothing was lost or done twice, the counts added up, no write was left open
in the journal, the retry budget was kept and no credential reached another host. No order was sent before it was paid,
and no personal name or address was printed.
"""


class Row(NamedTuple):
    family: str
    fault: str
    side: str
    place: str
    exits: list[int]
    note: str


def render(rows: Iterable[Row]) -> str:
    """Markdown, sorted by family, fault and side; a column per exit code and per number of reruns."""
    families: dict[str, dict[tuple[str, str], list[Row]]] = {}
    for row in sorted(rows, key=lambda row: (row.family, row.fault, row.side, row.place)):
        families.setdefault(row.family, {}).setdefault((row.fault, row.side), []).append(row)
    lines = [_HEAD]
    for family, groups in families.items():
        lines += _table(family, groups)
    return "\n".join(lines)


def with_families(before: str, rows: Iterable[Row], complete: Collection[str]) -> str:
    """The text of `before` with the tables of the families in `complete` made from `rows`; other tables stay."""
    tables = _tables(before) | _tables(render(row for row in rows if row.family in complete))
    return "\n".join([_HEAD, *(tables[family] for family in sorted(tables))])


def _tables(text: str) -> dict[str, str]:
    """The tables by family, each with its heading."""
    parts = text.split("## ")[1:]
    return {part.partition(" (")[0]: f"## {part.rstrip()}\n" for part in parts}


def _table(family: str, groups: dict[tuple[str, str], list[Row]]) -> list[str]:
    all_rows = [row for group in groups.values() for row in group]
    exits = sorted({row.exits[0] for row in all_rows})
    reruns = sorted({len(row.exits) - 1 for row in all_rows})
    heads = ["Fault", "Side", "Cells", *(f"exit {one}" for one in exits), *(f"{one} reruns" for one in reruns)]
    return [
        f"## {family} ({len(all_rows)} cells)",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * 2}{'---:|' * (len(heads) - 2)}",
        *(_line(key, group, exits, reruns) for key, group in groups.items()),
        _line(("**all**", ""), all_rows, exits, reruns),
        "",
    ]


def _line(key: tuple[str, str], group: list[Row], exits: list[int], reruns: list[int]) -> str:
    exit_counts, rerun_counts = Counter(row.exits[0] for row in group), Counter(len(row.exits) - 1 for row in group)
    counts = [len(group), *(exit_counts[one] or "" for one in exits), *(rerun_counts[one] or "" for one in reruns)]
    return f"| {' | '.join(map(str, [*key, *counts]))} |"
