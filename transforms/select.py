"""Selects rows by patterns."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import pandas as pd


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
