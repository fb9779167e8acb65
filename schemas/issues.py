"""Issues of rows as lines of a table: the row, the rule, the value, the message and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schemas.rule import Rule

MAX_LISTED = 5
COLUMNS = ["key", "source_id", "code", "rule", "field", "value", "message", "fix", "fix_in"]


@dataclass(frozen=True)
class Check:
    """A check for one rule. `broken` selects the rows that break the rule, `field` is the column with the wrong value,
    `message` returns a sentence about a row."""

    rule: Rule
    broken: Callable[[pd.DataFrame], pd.Series]
    field: str
    message: Callable[[Any], str]


def first_broken(rows: pd.DataFrame, checks: Sequence[Check]) -> pd.Series:
    """The number of the first check that each row fails; -1 for none."""
    failed = pd.Series(-1, index=rows.index)
    for number, check in enumerate(checks):
        broken = check.broken(rows).fillna(False).astype(bool)
        failed = failed.mask(broken & (failed == -1), number)
    return failed


def issues_of_checks(rows: pd.DataFrame, failed: pd.Series, checks: Sequence[Check]) -> pd.DataFrame:
    """COLUMNS: one line per row that failed a check; `failed` are the numbers from `first_broken`."""
    parts = [
        issue_rows(check.rule, rows[failed == number], check.field, check.message)
        for number, check in enumerate(checks)
    ]
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else no_issues()


def no_issues() -> pd.DataFrame:
    return pd.DataFrame(columns=COLUMNS, dtype="str")


def issue_rows(rule: Rule, rows: pd.DataFrame, field: str, message: Callable[..., str]) -> pd.DataFrame:
    """COLUMNS: one line for each of `rows`, which break `rule` and have `source_id` and `code`. `field` is the column
    with the wrong value, `message` returns a sentence about a row."""
    if rows.empty:
        return no_issues()
    rows = rows.reset_index(drop=True)
    messages = [message(row) for row in rows.itertuples(index=False)]
    return issue_table(rows, [rule] * len(rows), pd.Series([field] * len(rows)), rows[field].astype("str"), messages)


def issue_table(
    rows: pd.DataFrame, rules: Sequence[Rule], field: pd.Series, value: pd.Series, messages: Iterable[str]
) -> pd.DataFrame:
    """COLUMNS: one line per element of the arguments, which have the same length."""
    return pd.DataFrame(
        {
            "key": rows["code"].to_numpy(),
            "source_id": rows["source_id"].to_numpy(),
            "code": rows["code"].to_numpy(),
            "rule": [rule.id for rule in rules],
            "field": field.to_numpy(),
            "value": value.to_numpy(),
            "message": list(messages),
            "fix": [rule.fix for rule in rules],
            "fix_in": [rule.fix_in for rule in rules],
        },
        columns=COLUMNS,
    ).astype("str")


def by_id(rules: Iterable[Rule]) -> dict[str, Rule]:
    return {rule.id: rule for rule in rules}


def and_more(texts: list[str], total: int) -> str:
    """The first MAX_LISTED of `texts` and the number of the others; `texts` may have fewer than `total` elements."""
    head = texts[:MAX_LISTED]
    return ", ".join(head) + (f" and {total - len(head)} more" if total > len(head) else "")
