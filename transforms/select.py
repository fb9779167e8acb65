"""Selects rows by patterns."""

from __future__ import annotations

import difflib
import fnmatch
import glob
import heapq
import itertools
import operator
import re
from collections.abc import Sequence

import pandas as pd

MAX_COMPARED = 2000
_ESCAPED = re.compile(r"\[([*?[])\]")  # as `glob.escape` writes the special letters


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
    return sum(itertools.takewhile(bool, map(operator.eq, one, other)))


def matches(columns: Sequence[pd.Series], patterns: Sequence[str]) -> pd.Series:
    """Whether any of `columns` matches any of the shell-like `patterns`, row by row; case matters.

    Patterns that match one text only, such as those of `glob.escape`, cost little, however many there are.
    """
    if "*" in patterns:
        return pd.Series(True, index=columns[0].index)
    texts = {pattern: only_match(pattern) for pattern in patterns}
    exact = {text for text in texts.values() if text is not None}
    selected = pd.Series(False, index=columns[0].index)
    for column in columns:
        distinct = list(column.dropna().unique())
        globs = (pattern for pattern, text in texts.items() if text is None)
        matching = {text for pattern in globs for text in fnmatch.filter(distinct, pattern)}
        selected |= column.isin(exact | matching)
    return selected


def only_match(pattern: str) -> str | None:
    """The only text that the pattern matches; None if it may match several."""
    text = _ESCAPED.sub(r"\1", pattern)
    return text if glob.escape(text) == pattern else None
