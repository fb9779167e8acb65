"""Issues of rows as lines of a table: which row, which rule, which value, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from schemas.rules import RULES

MAX_LISTED = 5
COLUMNS = ["key", "stock_item_id", "code", "rule", "column", "value", "message", "fix", "owner"]
_NOTHING = pd.DataFrame(columns=COLUMNS, dtype="str")


def issue_table(
    rows: pd.DataFrame, rules: pd.Series, column: pd.Series, value: pd.Series, message: Iterable[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": rows["code"].to_numpy(),
            "stock_item_id": rows["stock_item_id"].to_numpy(),
            "code": rows["code"].to_numpy(),
            "rule": rules.to_numpy(),
            "column": column.to_numpy(),
            "value": value.to_numpy(),
            "message": list(message),
            "fix": [RULES[rule].fix for rule in rules],
            "owner": [RULES[rule].owner for rule in rules],
        },
        columns=COLUMNS,
    ).astype("str")


def issue_rows(rule: str, rows: pd.DataFrame, column: str, message: Callable[..., str]) -> pd.DataFrame:
    """COLUMNS of the rows that `rule` concerns; `column` is the one at fault, `message` makes words of a row."""
    if rows.empty:
        return _NOTHING
    rows = rows.reset_index(drop=True)
    text = rows[column].astype("str")
    told = [message(row) for row in rows.itertuples(index=False)]
    return issue_table(rows, pd.Series([rule] * len(rows)), pd.Series([column] * len(rows)), text, told)


def and_more(words: list[str], of: int) -> str:
    """The first few of `of` things; `words` need not hold them all."""
    head = words[:MAX_LISTED]
    return ", ".join(head) + (f" and {of - len(head)} more" if of > len(head) else "")
