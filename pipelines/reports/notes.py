"""What was noticed while the systems were read, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.config.channel import Channel


def describe_read(channel: Channel, read: Mapping[str, Any]) -> str:
    """What was read, in words; "" for a run of the time before there was a choice."""
    if not read:
        return ""
    if read["kind"] == "full":
        return f"Full read: {read['why']}."
    words = {
        f"{system.name}.{table.name}": f"{table.rows} of {system.title}"
        for system in channel.known_systems.values()
        for table in system.mirror
    }
    changed = ", ".join(f"{rows:,} {words.get(table, table)}" for table, rows in read["rows"].items())
    return (
        f"Only changes since {read['since']} UTC were read: {changed}. Prices and stock may change without a trace, "
        "and removals leave none: they show with the next full read."
    )


def notes(channel: Channel, findings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The findings of a run: new fields, unexpected types, lists that differ. Vendor text in them is not escaped."""
    for place, found in findings.items():
        name, _, rest = place.partition(" ")
        title = f"{channel.title(name)} {rest}".strip()
        for field, row in found["unknown_fields"].items():
            yield f"New field from {title}: {field}, first seen on {row}; kept raw in column extra."
        for field, row in found.get("odd_fields", {}).items():
            yield f"Unexpected type in {title}: {field}, first seen on {row}; read as absent."
        if repeated := found.get("repeated_rows"):
            yield f"{repeated:,} rows of {title} came twice while paging; each is counted once."
        if repaired := found.get("mended_cells"):
            yield f"{repaired:,} texts of {title} held half a character; \N{REPLACEMENT CHARACTER} stands for it."
        if name in channel.known_systems:
            yield from channel.known_systems[name].describe_findings(found)
