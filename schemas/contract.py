"""The columns by which two sides are compared, and the columns that are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contract:
    """Columns of the outgoing frame.

    `key` matches the two sides. A difference in `compare` causes an update. `create_only` is written once, and later
    differences are reported as drift. `insert_only` is written once and not compared again. `personal` is insert-only
    too, and is excluded from every stored or shown plan. `summary` are the columns that describe a create in reports.
    `vendor` maps columns to names in the target's JSON, if the target uses this mapping.
    """

    key: str
    compare: tuple[str, ...]
    create_only: tuple[str, ...]
    vendor: Mapping[str, str] = field(default_factory=dict)
    insert_only: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every outgoing column that may be shown, the key first."""
        return (self.key, *self.compare, *self.create_only, *self.insert_only)
