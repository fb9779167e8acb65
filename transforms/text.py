"""Texts for a warehouse: no HTML, no runs of blanks."""

from __future__ import annotations

import html
import re
import unicodedata

import nh3
import pandas as pd

# Editors leave out closing tags, so an opening one ends a paragraph too.
_BREAKS = re.compile(r"</?(?:br|hr|p|li|div|h[1-6]|tr|td|th|ul|ol|dt|dd)\b[^>]*>", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")  # all that are no blank
_NO_TAG = re.compile(r"<(?![a-z/!?][^<>]*>)", re.IGNORECASE)  # "S<M", which an HTML parser would swallow to the end


def plain(text: str) -> str:
    """`text` without tags, scripts, entities and control characters, on one line; a paragraph ends in a blank."""
    text = _CONTROL.sub("", text)
    if "<" in text:
        text = _BREAKS.sub(lambda found: " " + found.group(), _NO_TAG.sub("&lt;", text))
        text = nh3.clean(text, tags=set())
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split())


def plain_texts(texts: pd.Series) -> pd.Series:
    """`plain` of each, null where nothing is left to be seen. Every distinct text is cleaned once."""
    distinct = {text: cleaned if _seen(cleaned := plain(text)) else None for text in texts.dropna().unique()}
    return texts.map(distinct).astype("str")


def _seen(text: str) -> bool:
    """Whether there is more in it than blanks and invisible characters."""
    return any(unicodedata.category(letter) not in ("Cf", "Zs") for letter in text)


def first_filled(*columns: pd.Series) -> pd.Series:
    """Row by row, the first of `columns` that holds more than blanks, trimmed; null where none does."""
    result = _filled(columns[0])
    for column in columns[1:]:
        result = result.where(result.notna(), _filled(column))
    return result


def capitals(codes: pd.Series) -> pd.Series:
    """In capitals. A text with other letters stays: some of them would become letters of ours, or two of them."""
    ours = codes.str.fullmatch(r"[\x00-\x7f]+").fillna(False).astype(bool)
    return codes.mask(ours, codes.str.upper())


def _filled(column: pd.Series) -> pd.Series:
    trimmed = column.astype("str").str.strip()
    return trimmed.mask(trimmed.fillna("") == "")
