"""Compares the cells that differ between both sides with the values that earlier pushes have written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from schemas.contract import Contract
from schemas.membership import is_in
from schemas.products.written_issues import CHANGED, EMPTIED, KEPT
from transforms.price import is_price_jump

CELL = ["row", "key", "column", "desired", "live"]


def differing_cells(desired: pd.DataFrame, live: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """One line per compared cell of a row that both sides have, if the values differ or only `live` has one.

    On a fresh index. `row` is the position in `desired`, whose keys are unique; the others are `key`, `column`, and
    the two values (None for a missing one).
    """
    position = pd.Series(range(len(desired)), index=desired.index)[is_in(desired[contract.key], live[contract.key])]
    known = desired.loc[position.index]
    current = live.set_index(contract.key).loc[known[contract.key]].set_index(known.index)
    parts = []
    for column in contract.compare:
        same = (known[column] == current[column]).fillna(False).astype(bool)
        differs = ~same & (known[column].notna() | current[column].notna())
        values = {"desired": known.loc[differs, column], "live": current.loc[differs, column]}
        objects = {name: cells.astype(object).where(cells.notna(), None) for name, cells in values.items()}
        parts.append(
            pd.DataFrame(
                {"row": position[differs], "key": known.loc[differs, contract.key], "column": column} | objects
            )
        )
    return pd.concat(parts, ignore_index=True)


def compare_written(cells: pd.DataFrame, written: Mapping[tuple[str, str], Any]) -> pd.DataFrame:
    """The cells that a push has written, with `sent`, `at` (UTC) and `state`.

    `written` maps key and column to `sent`, `held` (what the target held right after the write) and `at`. KEPT: the
    target has made another value of the one that is desired, and still holds that. CHANGED: somebody has changed the
    desired value in the target since it was written. EMPTIED: the source has no value any more, and the target holds
    what was written. Other cells are ordinary changes.
    """
    lines = []
    for row, key, column, desired, live in cells[CELL].itertuples(index=False, name=None):
        known = written.get((key, column))
        if known is not None and (state := _state(desired, live, known.sent, known.held)):
            lines.append((row, key, column, desired, live, known.sent, known.at, state))
    return pd.DataFrame(lines, columns=[*CELL, "sent", "at", "state"])


def price_jumps(cells: pd.DataFrame, factor: Fraction) -> pd.DataFrame:
    """The cells in which the price changes by more than `factor`. A price that one side lacks is no jump."""
    prices = cells[(cells["column"] == "sales_price") & cells["desired"].notna() & cells["live"].notna()]
    jumps = [is_price_jump(old, new, factor) for old, new in zip(prices["live"], prices["desired"], strict=True)]
    return prices[pd.Series(jumps, index=prices.index, dtype=bool)]


def without_kept(desired: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """`desired` without the KEPT cells: a value that is missing is neither sent nor compared."""
    kept = compared[compared["state"] == KEPT]
    return desired.assign(
        **{
            str(column): desired[column].mask(pd.Series(range(len(desired)), index=desired.index).isin(cells["row"]))
            for column, cells in kept.groupby("column")
        }
    )


def _state(desired: Any, live: Any, sent: Any, held: Any) -> str | None:
    if desired is None:
        return EMPTIED if _same(live, held) else None
    if not _same(desired, sent):
        return None
    return KEPT if _same(live, held) else CHANGED


def _same(one: Any, other: Any) -> bool:
    """Numbers by value; a missing value equals an empty text, which some targets store instead."""
    if isinstance(one, int | Decimal) and isinstance(other, int | Decimal):
        return Decimal(one) == Decimal(other)
    return bool((one or "") == (other or ""))
