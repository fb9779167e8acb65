"""Secrets in a vendor's rows: they are neither stored nor sent on to the other side."""

from __future__ import annotations

import json
from typing import Any

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import encode
from pipelines.core.logs import excerpt, holds_secret
from pipelines.core.redaction import contains, strip

_FIX = (
    "Nothing was written. Take it out of there, and have that secret made anew: whoever sees the row has seen it. "
    "Then run again."
)


def reject_secrets(at: str, rows: list[Any], names: tuple[str, ...] = ()) -> list[Any]:
    """The rows, with each of `names` masked. Raises ContractError where a row holds any other secret.

    `names` are what the system itself may call us in its rows: masked, because they are no use to anybody else.
    Only what is too long to be there by chance is looked for.
    """
    document = _text(rows)
    if holds_secret(document, but=names):
        row = next(row for row in rows if holds_secret(_text(row), but=names))
        raise ContractError(f"{at}: {_named(row, names)} holds one of this channel's secrets.", _FIX)
    return _masked(rows, names) if names and contains(document, names) else rows


def _text(rows: Any) -> bytes:
    try:
        return encode(rows)
    except UnicodeEncodeError:  # lone surrogates
        return json.dumps(rows, default=str).encode()


def _named(row: Any, names: tuple[str, ...]) -> str:
    """The row and the field, for people."""
    if not isinstance(row, dict):
        return "a row"
    known = next(
        (
            row[key]
            for key in ("stockItemId", "code", "productCode", "shipmentId", "orderId", "reference")
            if row.get(key)
        ),
        "?",
    )
    field = next((name for name, value in row.items() if holds_secret(_text({name: value}), but=names)), "?")
    return f"field {excerpt(field, 60)!r} of the row of {excerpt(str(known), 60)!r}"


def _masked(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return strip(value, names)
    if isinstance(value, list):
        return [_masked(inner, names) for inner in value]
    if isinstance(value, dict):
        return {strip(key, names): _masked(inner, names) for key, inner in value.items()}
    return value
