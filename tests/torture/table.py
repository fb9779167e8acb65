"""The table of a torture: a line per fault and side, what became of it at each place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

_HEAD = """# Torture

Made by `make torture`; do not edit. Each line is one fault at one side, tried at every place of a run where it can
happen. *Exit* counts how the struck runs ended, *again* how many further runs of the same command it took until
both systems held what they should. In every cell nothing was lost or done twice, the counts added up, no write was
left open in the journal, the retry budget was kept and no credential reached another host; of orders, none was sent
before it was paid, and nobody's name or address was told.
"""


class Row(NamedTuple):
    family: str
    fault: str
    side: str
    place: str
    exits: list[int]
    note: str


def rendered(rows: Iterable[Row]) -> str:
    """Markdown, sorted by family, fault and side; a column per exit code and number of further runs."""
    families: dict[str, dict[tuple[str, str], list[Row]]] = {}
    for row in sorted(rows, key=lambda row: (row.family, row.fault, row.side, row.place)):
        families.setdefault(row.family, {}).setdefault((row.fault, row.side), []).append(row)
    lines = [_HEAD]
    for family, groups in families.items():
        lines += _table(family, groups)
    return "\n".join(lines)


def with_families(before: str, rows: Iterable[Row], whole: Collection[str]) -> str:
    """The text of `before` with the tables of the families in `whole` made of `rows`; other tables stay."""
    kept = _tables(before) | _tables(rendered(row for row in rows if row.family in whole))
    return "\n".join([_HEAD, *(kept[family] for family in sorted(kept))])


def _tables(text: str) -> dict[str, str]:
    """By family, each with its heading."""
    parts = text.split("## ")[1:]
    return {part.partition(" (")[0]: f"## {part.rstrip()}\n" for part in parts}


def _table(family: str, groups: dict[tuple[str, str], list[Row]]) -> list[str]:
    everything = [row for group in groups.values() for row in group]
    exits = sorted({row.exits[0] for row in everything})
    again = sorted({len(row.exits) - 1 for row in everything})
    heads = ["Fault", "Side", "Cells", *(f"exit {one}" for one in exits), *(f"{one} again" for one in again)]
    return [
        f"## {family} ({len(everything)} cells)",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * 2}{'---:|' * (len(heads) - 2)}",
        *(_line(key, group, exits, again) for key, group in groups.items()),
        _line(("**all**", ""), everything, exits, again),
        "",
    ]


def _line(key: tuple[str, str], group: list[Row], exits: list[int], again: list[int]) -> str:
    ended, more = Counter(row.exits[0] for row in group), Counter(len(row.exits) - 1 for row in group)
    counts = [len(group), *(ended[one] or "" for one in exits), *(more[one] or "" for one in again)]
    return f"| {' | '.join(map(str, [*key, *counts]))} |"
