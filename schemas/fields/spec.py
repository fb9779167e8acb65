"""How a vendor's field becomes a column: its name on both sides, its kind, and whether it is required."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

UNREADABLE = "(unreadable) "  # begins the key of a staged row that had no usable one
MISSING = {"missing": True}  # in `extra`: what a row has of a required key that it lacks
Kind = Literal["id", "text", "number", "integer", "flag", "texts", "json"]
OnTypeMismatch = Literal["stop", "withhold", "report"]


@dataclass(frozen=True)
class FieldSpec:
    """One field of a row.

    `kind` defines the values that the vendor may send and how they are staged:
    `id` text or integer, staged as text; never null.
    `text` text or number, staged as text unchanged; `""` and null stay distinct.
    `number` number or text, staged as text with the digits that were sent (a price is never a float).
    `integer` integer, or text of one, staged as BIGINT; never null.
    `flag` 0, 1, true, false or text of them, staged as BOOLEAN; never null.
    `texts` list of text, staged as a JSON list.
    `json` any value, staged as JSON text.

    `required`: a row must have the key. Other fields may be missing and are then null.

    `on_type_mismatch` is the reaction to a value of an unexpected type, and to a required key that is missing: `stop`
    breaks the contract, `withhold` withholds the row, `report` only reports it. With the last two, the value becomes
    null and is kept raw in `extra` (MISSING if the key is); a `number` is staged as its JSON text instead, which
    is not a number either. Without `stop`, any kind may be null.
    """

    column: str
    vendor: str
    kind: Kind
    required: bool = False
    on_type_mismatch: OnTypeMismatch = "stop"

    @property
    def nullable(self) -> bool:
        return self.kind not in ("id", "integer", "flag") or self.on_type_mismatch != "stop"


def withholding(fields: Iterable[FieldSpec]) -> tuple[str, ...]:
    """The vendor's names of the fields that withhold a row if they have an unexpected type."""
    return tuple(field.vendor for field in fields if field.on_type_mismatch == "withhold")
