"""Masks values that may contain personal data in rows about people: objects and lists where a plain value should be."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from pipelines.core.json_codec import DuplicateKeyValue, decode, encode
from schemas.fields.spec import MISSING

MASK = "?"


def masked(value: Any) -> Any:
    """`value`, or MASK for an object or a list that is not empty."""
    return MASK if isinstance(value, dict | list | DuplicateKeyValue) and value and value != MISSING else value


def with_masked_extra(staged: pa.Table, personal: Collection[str] = ()) -> pa.Table:
    """The table with masked values in `extra`; of the fields `personal`, every value is masked."""
    if staged.column("extra").null_count == staged.num_rows:
        return staged
    extra = []
    for cell in staged.column("extra").to_pylist():
        values = decode(cell.encode()) if cell else {}
        kept = {key: MASK if key in personal else masked(value) for key, value in values.items()}
        extra.append(encode(kept).decode() if values else None)
    return staged.set_column(staged.schema.get_field_index("extra"), "extra", pa.array(extra, pa.string()))
