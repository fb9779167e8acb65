"""What both clients say of a list that does not end."""

from __future__ import annotations


def endless(most: int) -> str:
    return f"more than {most:,} rows, and the list goes on: it may have no end."


def endless_fix(system: str) -> str:
    return f"Nothing was written. If the list really is that long, set max_rows in [systems.{system}] higher."
