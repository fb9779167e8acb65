"""Finds secrets in a vendor's rows, so that they are neither stored nor sent to the other system."""

from __future__ import annotations

import json
from typing import Any

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import encode
from pipelines.core.logs import contains_secret, excerpt
from pipelines.core.redaction import contains, strip

_FIX = (
    "Nothing was written. Remove the secret from the row, and create a new secret, because everyone who reads the row "
    "knows this one. Then run again."
)


def reject_secrets(at: str, rows: list[Any], names: tuple[str, ...] = ()) -> list[Any]:
    """The rows, with each of `names` masked. Raises ContractError if a row contains any other secret.

    `names` are our account ids, which the system's rows may contain; they are masked. Only secrets that are too long to
    occur by chance are searched for.
    """
    document = _text(rows)
    if contains_secret(document, ignored=names):
        row = next(row for row in rows if contains_secret(_text(row), ignored=names))
        raise ContractError(f"{at}: {_row_label(row, names)} contains one of this channel's secrets.", _FIX)
    return _masked(rows, names) if names and contains(document, names) else rows


def _text(rows: Any) -> bytes:
    try:
        return encode(rows)
    except UnicodeEncodeError:  # lone surrogates
        return json.dumps(rows, default=str).encode()


def _row_label(row: Any, names: tuple[str, ...]) -> str:
    """The field and the row, for a message."""
    if not isinstance(row, dict):
        return "a row"
    row_id = next(
        (
            row[key]
            for key in ("stockItemId", "code", "productCode", "shipmentId", "orderId", "reference")
            if row.get(key)
        ),
        "?",
    )
    field = next((name for name, value in row.items() if contains_secret(_text({name: value}), ignored=names)), "?")
    return f"field {excerpt(field, 60)!r} of the row of {excerpt(str(row_id), 60)!r}"


def _masked(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return strip(value, names)
    if isinstance(value, list):
        return [_masked(inner, names) for inner in value]
    if isinstance(value, dict):
        return {strip(key, names): _masked(inner, names) for key, inner in value.items()}
    return value
