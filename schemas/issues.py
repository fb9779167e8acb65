"""Issues of rows as lines of a table: which row, which rule, which value, and what to do about it."""

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
    """When a rule is broken and what to say then: `broken` picks rows, `field` is the column at fault, `message` makes
    a sentence of a row."""

    rule: Rule
    broken: Callable[[pd.DataFrame], pd.Series]
    field: str
    message: Callable[[Any], str]


def first_broken(rows: pd.DataFrame, checks: Sequence[Check]) -> pd.Series:
    """The number of the first check that each row fails; -1 for none."""
    found = pd.Series(-1, index=rows.index)
    for number, check in enumerate(checks):
        broken = check.broken(rows).fillna(False).astype(bool)
        found = found.mask(broken & (found == -1), number)
    return found


def issues_of_checks(rows: pd.DataFrame, failed: pd.Series, checks: Sequence[Check]) -> pd.DataFrame:
    """COLUMNS: one line per row with a number in `failed`, as `first_broken` gave it."""
    parts = [
        issue_rows(check.rule, rows[failed == number], check.field, check.message)
        for number, check in enumerate(checks)
    ]
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else no_issues()


def no_issues() -> pd.DataFrame:
    return pd.DataFrame(columns=COLUMNS, dtype="str")


def issue_rows(rule: Rule, rows: pd.DataFrame, field: str, message: Callable[..., str]) -> pd.DataFrame:
    """COLUMNS of the rows that `rule` concerns: `rows` has `source_id` and `code`; `field` is the column at fault,
    `message` makes a sentence of a row."""
    if rows.empty:
        return no_issues()
    rows = rows.reset_index(drop=True)
    messages = [message(row) for row in rows.itertuples(index=False)]
    return issue_table(rows, [rule] * len(rows), pd.Series([field] * len(rows)), rows[field].astype("str"), messages)


def issue_table(
    rows: pd.DataFrame, rules: Sequence[Rule], field: pd.Series, value: pd.Series, messages: Iterable[str]
) -> pd.DataFrame:
    """COLUMNS, line by line of the arguments."""
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


def and_more(words: list[str], of: int) -> str:
    """The first few of `of` things; `words` need not hold them all."""
    head = words[:MAX_LISTED]
    return ", ".join(head) + (f" and {of - len(head)} more" if of > len(head) else "")
