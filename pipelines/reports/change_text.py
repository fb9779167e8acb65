"""A planned change in words: each field with its name for people, and its old and new value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipelines.engine.flow import ChangeWords


def label(words: ChangeWords, field: str) -> str:
    return words.labels.get(field, field.replace("_", " "))


def value_text(words: ChangeWords, field: str, value: object, currency: str) -> str:
    """A value, an amount with its currency ("" if it has none)."""
    if value is None or value is pd.NA:
        return "nothing"
    return f"{value} {currency}".strip() if field in words.money else str(value)


def created_fields(words: ChangeWords, new: Mapping[str, Any], currency: str) -> Iterator[str]:
    """The fields of a new record that have a value."""
    for field, value in new.items():
        if value is not None and field not in words.internal:
            yield f"{label(words, field)}: {value_text(words, field, value, currency)}"


def changed_fields(words: ChangeWords, old: Mapping[str, Any], new: Mapping[str, Any], currency: str) -> Iterator[str]:
    """The fields of an update with their old and new values."""
    for field, value in new.items():
        if field not in words.internal:
            before, after = (value_text(words, field, one, currency) for one in (old.get(field), value))
            yield f"{label(words, field)} {before} -> {after}"
