"""What two sides are compared by, and what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contract:
    """Columns of the outgoing frame. `key` matches the two sides, `compare` decides on an update, `create_only` is
    written once and later differences are drift, `insert_only` is written once and not looked at again. `personal` is
    insert-only too, and is left out of all that we keep or show of a plan. `summary` names a create for people.
    `vendor` maps columns to their names in the target's JSON, where the target asks for it here.
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
