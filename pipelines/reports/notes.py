"""The findings of the reads, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.config.channel import Channel


def describe_read(channel: Channel, read: Mapping[str, Any]) -> str:
    """How the systems were read, as sentences; "" for a run from before incremental reads existed."""
    if not read:
        return ""
    if read["kind"] == "full":
        doubts = (
            f" {rows:,} rows of {channel.title(name)} have changed since the read before, and none of them is in its "
            f"list of changes: {channel.known_systems[name].changes_depend_on} is probably not the time zone of the "
            "shop. Correct it. Until the list shows a change again, every run reads everything."
            for name, rows in read.get("doubted", {}).items()
        )
        return f"Full read: {read['why']}." + "".join(doubts)
    words = {
        f"{system.name}.{table.name}": f"{table.rows} of {system.title}"
        for system in channel.known_systems.values()
        for table in system.mirror
    }
    changed = ", ".join(f"{rows:,} {words.get(table, table)}" for table, rows in read["rows"].items())
    return (
        f"Only changes since {read['since']} UTC were read: {changed}. The systems do not list every change of a price "
        "or of stock, and no removals: the next full read finds them."
    )


def notes(channel: Channel, findings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The findings of a run: new fields, unexpected types, lists that differ. Their vendor text is not escaped."""
    for label, facts in findings.items():
        name, _, rows = label.partition(" ")
        title = f"{channel.title(name)} {rows}".strip()
        for field, row in facts["unknown_fields"].items():
            yield f"New field from {title}: {field}, first seen on {row}; kept in the column extra."
        for field, row in facts.get("odd_fields", {}).items():
            yield f"Unexpected type in {title}: {field}, first seen on {row}; treated as missing."
        if repeated := facts.get("repeated_rows"):
            yield f"{repeated:,} rows of {title} were listed twice; each is counted once."
        if repaired := facts.get("mended_cells"):
            yield f"{repaired:,} texts of {title} had a broken character; \N{REPLACEMENT CHARACTER} replaces it."
        if name in channel.known_systems:
            yield from channel.known_systems[name].describe_findings(facts)
