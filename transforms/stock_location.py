"""Where the units of a line lie: in our warehouse, in another one, or in both."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pandas as pd


def here(warehouses: pd.Series, ours: Collection[str]) -> pd.DataFrame:
    """What Centra's `warehouses` (JSON lists of `{"name", "itemQty"}`) say about each line, indexed as the series.

    Columns: `units` (Int64: the units in our warehouse, null if all of the line's units are ours), `elsewhere` (whether
    no unit is ours) and `problem` (whether the list cannot be read). Names are compared without case and outer blanks.
    Without `ours`, all units of all lines are ours.
    """
    if not ours:
        found: list[tuple[int | None, bool, bool]] = [(None, False, False)] * len(warehouses)
    else:
        known = {_plain(name) for name in ours}
        found = [_of_line(text, known) for text in warehouses]
    table = pd.DataFrame(found, index=warehouses.index, columns=["units", "elsewhere", "problem"])
    return table.astype({"units": "Int64", "elsewhere": bool, "problem": bool})


def quantity_here(quantity: pd.Series, location: pd.DataFrame) -> pd.Series:
    """The units to pick: those in our warehouse if the line lies in several, else the line's quantity (Int64)."""
    return location["units"].where(location["units"].notna(), quantity)


def _of_line(text: object, ours: Collection[str]) -> tuple[int | None, bool, bool]:
    """`units`, `elsewhere` and `problem` of one line."""
    entries = json.loads(text) if isinstance(text, str) else None
    if not isinstance(entries, list) or not entries or not all(map(_is_named, entries)):
        return None, False, True
    entries = [entry for entry in entries if _units(entry.get("itemQty")) != 0] or entries
    mine = [entry for entry in entries if _plain(entry["name"]) in ours]
    if len(mine) in (0, len(entries)):
        return None, not mine, False
    units = [_units(entry.get("itemQty")) for entry in mine]
    return (None, False, True) if None in units else (sum(filter(None, units)), False, False)


def _is_named(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _units(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else None


def _plain(name: str) -> str:
    return name.strip().casefold()
