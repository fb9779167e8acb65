"""Texts for a warehouse: no HTML, no runs of blanks."""

from __future__ import annotations

import html
import re

import nh3
import pandas as pd

_BREAKS = re.compile(r"<(?:br|/p|/li|/div|/h[1-6]|/tr|/td|/ul|/ol)\b[^>]*>", re.IGNORECASE)


def plain(text: str) -> str:
    """`text` without tags, scripts and entities, on one line; a paragraph ends in a blank."""
    if "<" in text:
        text = nh3.clean(_BREAKS.sub(lambda found: " " + found.group(), text), tags=set())
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split())


def plain_texts(texts: pd.Series) -> pd.Series:
    """`plain` of each, null where nothing is left. Every distinct text is cleaned once."""
    distinct = {text: plain(text) or None for text in texts.dropna().unique()}
    return texts.map(distinct).astype("str")


def first_filled(*columns: pd.Series) -> pd.Series:
    """Row by row, the first of `columns` that holds more than blanks, trimmed; null where none does."""
    result = _filled(columns[0])
    for column in columns[1:]:
        result = result.where(result.notna(), _filled(column))
    return result


def _filled(column: pd.Series) -> pd.Series:
    trimmed = column.astype("str").str.strip()
    return trimmed.mask(trimmed.fillna("") == "")
