"""How a vendor's field becomes a column: its name on both sides, what it may be, and whether we rely on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "number", "integer", "flag", "texts", "json"]
OnTypeMismatch = Literal["stop", "withhold", "report"]


@dataclass(frozen=True)
class FieldSpec:
    """One field of a row.

    `kind` says what the vendor may send and what is staged:
    `id` text or whole number, staged as text; never null.
    `text` text, or a number that stands for one, staged as text as it came; `""` and null stay apart.
    `number` number or text, staged as text with the digits that were sent (a price is never a float).
    `integer` whole number, or text of one, staged as BIGINT; never null.
    `flag` 0, 1, true, false or text of them, staged as BOOLEAN; never null.
    `texts` list of text, staged as a JSON list.
    `json` anything, staged as JSON text.

    `required`: a row without the key breaks the contract. Other fields may be missing, which reads as null.

    `on_type_mismatch` says what a value of another type does: `stop` breaks the contract, `withhold` costs the row,
    `report` only reports it. The value reads as null then and is kept raw in `extra`; a `number` is staged as its
    JSON text instead, which is no number either. An `integer` that does not stop may be null.
    """

    column: str
    vendor: str
    kind: Kind
    required: bool = False
    on_type_mismatch: OnTypeMismatch = "stop"

    @property
    def nullable(self) -> bool:
        return self.kind not in ("id", "integer", "flag") or (
            self.kind == "integer" and self.on_type_mismatch != "stop"
        )
