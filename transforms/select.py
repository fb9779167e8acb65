"""Selects rows by patterns."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence

import pandas as pd

MAX_COMPARED = 2000


def closest_codes(pattern: str, codes: pd.Series) -> list[str]:
    """At most three codes that somebody who typed `pattern` may have meant: the same but for case, or similar."""
    distinct = codes.dropna().drop_duplicates()
    typed = pattern.strip("*?[] ").casefold()
    folded = dict(zip(distinct.str.casefold(), distinct, strict=True))
    if same := [code for fold, code in folded.items() if fnmatch.fnmatchcase(fold, pattern.casefold())]:
        return same[:3]
    for length in (4, 2, 1, 0):
        alike = [fold for fold in folded if fold.startswith(typed[:length])][:MAX_COMPARED]
        if near := difflib.get_close_matches(typed, alike, n=3, cutoff=0.6):
            return [folded[fold] for fold in near]
    return []


def matches(columns: Sequence[pd.Series], patterns: Sequence[str]) -> pd.Series:
    """Whether any of `columns` matches any of the shell-like `patterns`, row by row; case matters."""
    if "*" in patterns:
        return pd.Series(True, index=columns[0].index)
    selected = pd.Series(False, index=columns[0].index)
    for column in columns:
        distinct = list(column.dropna().unique())
        matching = {text for pattern in patterns for text in fnmatch.filter(distinct, pattern)}
        selected |= column.isin(matching)
    return selected
