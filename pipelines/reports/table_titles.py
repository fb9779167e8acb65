"""Names of tables for people: the title of the system and what the table holds."""

from __future__ import annotations

from pipelines.config.channel import Channel


def table_title(channel: Channel, table: str) -> str:
    """The rows of a system with its title, the rows to be sent with their target; else the table's own name."""
    schema, _, name = table.rpartition(".")
    words = name.replace("_", " ")
    side, _, system = schema.partition("_")
    if side == "raw":
        return f"{channel.title(system)} {words}"
    return f"{words} for {channel.title(system)}" if side == "out" else words
