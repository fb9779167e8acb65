"""Warnings about values that were written before, and about prices that change by a large factor."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd

from schemas.issues import by_id, issue_table, no_issues
from schemas.products.issues import amount_text
from schemas.products.rules import RULES

# The state of a cell that differs although a push has written it; see `transforms.written.compare_written`.
KEPT, CHANGED, EMPTIED = "kept", "changed", "emptied"

_RULES = by_id(RULES)
RULE_OF_STATE = {KEPT: "TGT-004", CHANGED: "TGT-005", EMPTIED: "TGT-006"}
DRIFTED = ("TGT-004", "TGT-006")  # rules of values that stay different
_MESSAGES: dict[str, Callable[[Any], str]] = {
    "TGT-004": lambda cell: (
        f"{_value(cell.sent)} was sent on {cell.at:%Y-%m-%d}, myOGO made {_value(cell.live)} of it."
    ),
    "TGT-005": lambda cell: (
        f"{_value(cell.sent)} was sent on {cell.at:%Y-%m-%d}, and somebody has changed it to {_value(cell.live)} in "
        "myOGO. It is sent again."
    ),
    "TGT-006": lambda cell: f"Empty in Centra now; myOGO keeps {_value(cell.live)}, sent on {cell.at:%Y-%m-%d}.",
}


def written_warnings(compared: pd.DataFrame, desired: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: one line per cell of `transforms.written.compare_written`; `desired` has `code` and `source_id`."""
    return _cell_issues(compared, desired, compared["state"].map(RULE_OF_STATE), _MESSAGES)


def price_jump_warnings(jumps: pd.DataFrame, desired: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: one line per price jump, a cell of `transforms.written.differing_cells`."""

    def message(cell: Any) -> str:
        return f"The price changes from {_value(cell.live)} to {_value(cell.desired)}."

    return _cell_issues(jumps, desired, pd.Series("PRICE-006", index=jumps.index), {"PRICE-006": message})


def _cell_issues(
    cells: pd.DataFrame, desired: pd.DataFrame, rules: pd.Series, messages: dict[str, Callable[[Any], str]]
) -> pd.DataFrame:
    if cells.empty:
        return no_issues()
    texts = [messages[rule](cell) for rule, cell in zip(rules, cells.itertuples(index=False), strict=True)]
    rows = desired.iloc[cells["row"]]
    values = cells["live"].map(_value)
    return issue_table(rows, [_RULES[rule] for rule in rules], cells["column"], values, texts)


def _value(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, int | Decimal):
        return amount_text(Decimal(value))
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
