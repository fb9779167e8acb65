"""Selects rows by patterns."""

from __future__ import annotations

import difflib
import fnmatch
import heapq
import itertools
from collections.abc import Sequence

import pandas as pd

MAX_COMPARED = 2000


def closest_codes(pattern: str, codes: pd.Series) -> list[str]:
    """At most three codes that somebody who typed `pattern` may have meant: the same but for case, or similar."""
    typed = pattern.casefold()
    stem = typed.strip("*?")
    folded = {code.casefold(): code for code in codes.dropna().unique()}
    alike = heapq.nlargest(MAX_COMPARED, folded, key=lambda fold: _shared(fold, stem))
    near = fnmatch.filter(folded, typed) or difflib.get_close_matches(stem, alike)
    return [folded[fold] for fold in near[:3]]


def _shared(one: str, other: str) -> int:
    """The number of characters at the beginning that both texts have."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


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
