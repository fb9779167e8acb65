"""What two sides are compared by, and what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contract:
    """`key` matches the two sides, `compare` decides on an update, `create_only` is written once and later
    differences are drift, `once` is written once and not looked at again; `personal` is so too, and is left out of all
    that we keep or show of a plan. Columns of the outgoing frame; `vendor` is their name in the target's JSON, where
    the target asks for it here."""

    key: str
    compare: tuple[str, ...]
    create_only: tuple[str, ...]
    vendor: Mapping[str, str] = field(default_factory=dict)
    once: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every outgoing column that may be shown, the key first."""
        return (self.key, *self.compare, *self.create_only, *self.once)
