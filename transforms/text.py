"""Cleans texts for the warehouse: no HTML, no repeated blanks."""

from __future__ import annotations

import html
import re
import unicodedata

import nh3
import pandas as pd

# Editors omit closing tags, so an opening tag ends a paragraph too.
_BREAKS = re.compile(r"</?(?:br|hr|p|li|div|h[1-6]|tr|td|th|ul|ol|dt|dd)\b[^>]*>", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")  # all control characters except blanks
_NO_TAG = re.compile(r"<(?![a-z/!?][^<>]*>)", re.IGNORECASE)  # "S<M": an HTML parser would drop the rest of the text
_IN_BRACKETS = re.compile(r"<([^\W\d_][\w %.,+]*)>")  # "Ring <Gold>", or a tag without attributes
_ELEMENTS = frozenset(nh3.ALLOWED_TAGS) | {
    "applet", "base", "body", "button", "canvas", "embed", "fieldset", "font", "form", "frame", "frameset", "head",
    "html", "iframe", "input", "label", "legend", "link", "main", "math", "meta", "noframes", "noscript", "object",
    "option", "param", "picture", "plaintext", "script", "section", "select", "source", "strike", "style", "svg",
    "template", "textarea", "title", "video", "xmp",
}  # fmt: skip
_MAX_ROUNDS = 8


def plain(text: str) -> str:
    """`text` without tags, scripts, entities and control characters, on one line, with a blank between paragraphs.

    Cleans until nothing changes, so that escaped markup does not become markup: `&lt;p&gt;Soft` is "Soft". Words in
    angle brackets that are no HTML element keep their words: "Ring <Gold>" is "Ring Gold".
    """
    for _ in range(_MAX_ROUNDS):
        cleaned = _cleaned_once(text)
        if cleaned == text:
            return cleaned
        text = cleaned
    return " ".join(text.translate({ord("<"): " ", ord(">"): " ", ord("&"): " "}).split())


def _cleaned_once(text: str) -> str:
    text = _CONTROL.sub("", text)
    if "<" in text:
        text = _IN_BRACKETS.sub(lambda found: found[0] if _is_element(found[1]) else f" {found[1]} ", text)
        text = _BREAKS.sub(lambda match: " " + match.group(), _NO_TAG.sub("&lt;", text))
        text = nh3.clean(text, tags=set())
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split())


def _is_element(words: str) -> bool:
    return words.split()[0].casefold() in _ELEMENTS


def plain_texts(texts: pd.Series) -> pd.Series:
    """`plain` of each text; null if no visible character is left. Each distinct text is cleaned once."""
    distinct = {text: cleaned if _is_visible(cleaned := plain(text)) else None for text in texts.dropna().unique()}
    return texts.map(distinct).astype("str")


def _is_visible(text: str) -> bool:
    """Whether the text has a character that is neither blank nor invisible."""
    return any(unicodedata.category(letter) not in ("Cf", "Zs") for letter in text)


def first_filled(*columns: pd.Series) -> pd.Series:
    """Per row, the first value in `columns` that is not blank, trimmed; null if all are blank."""
    result = _filled(columns[0])
    for column in columns[1:]:
        result = result.where(result.notna(), _filled(column))
    return result


def capitals(codes: pd.Series) -> pd.Series:
    """`codes` in capitals. A non-ASCII text stays: upper case could turn a letter into an ASCII letter, or into two."""
    return codes.mask(codes.str.isascii(), codes.str.upper())


def _filled(column: pd.Series) -> pd.Series:
    trimmed = column.astype("str").str.strip()
    return trimmed.mask(trimmed == "")
