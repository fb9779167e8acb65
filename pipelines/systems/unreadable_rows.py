"""Rows of a vendor's list that do not have the shape they should have, so that one of them does not stop the run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from pipelines.core.json_codec import encode
from schemas.fields.spec import UNREADABLE

AS_SENT = "(as sent)"  # the raw value of such a row's key, or the row itself if it is no object
_WHOLE_NUMBER = re.compile("[0-9]+", re.ASCII)


def as_list(value: Any) -> list[Any] | None:
    """`value` as a list; None if it is none.

    PHP encodes a list whose keys have a gap as an object, so an object whose keys are all whole numbers is a list.
    """
    if isinstance(value, dict) and all(_WHOLE_NUMBER.fullmatch(key) for key in value):
        return list(value.values())
    return value if isinstance(value, list) else None


def with_keys(rows: list[Any], key: str, is_usable: Callable[[object], bool]) -> list[dict[str, Any]]:
    """The rows as objects that all have a value for `key`.

    A row without a usable one gets one made from its content, which is the same in the next run; AS_SENT keeps what it
    had there, or the row itself if it is no object.
    """
    if all(type(row) is dict and is_usable(row.get(key)) for row in rows):
        return rows
    return [row if type(row) is dict and is_usable(row.get(key)) else _with_key(row, key) for row in rows]


def _with_key(row: Any, key: str) -> dict[str, Any]:
    digest = hashlib.blake2s(_bytes(row), digest_size=6).hexdigest()
    fields = row if type(row) is dict else {}
    return fields | {key: f"{UNREADABLE}{digest}", AS_SENT: fields.get(key) if type(row) is dict else row}


def _bytes(row: Any) -> bytes:
    try:
        return encode(row)
    except UnicodeEncodeError:  # lone surrogates
        return json.dumps(row, default=str).encode()
    except RecursionError:
        return type(row).__name__.encode()
