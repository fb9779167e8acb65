"""The side we write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from pipelines.core.errors import RecordError


class Target(Protocol):
    """One change at a time. `product` maps our columns to values; absent columns are not ours to change.

    Both return what is worth telling about it, or "". Both raise TargetRefused (the target said no),
    TargetUnknown (nobody knows), TargetLost (stop; nobody knows), or TargetUnavailable or ConfigError (stop;
    this change did not happen).
    """

    def create(self, key: str, product: dict[str, Any]) -> str: ...

    def update(self, key: str, product: dict[str, Any]) -> str: ...


@dataclass(frozen=True)
class WrittenRow:
    """A row that was written: by which key, of which size of Centra, and our columns of it."""

    key: str
    stock_item_id: str
    row: Mapping[str, Any]


@runtime_checkable
class BatchTarget(Protocol):
    """Updates, up to `batch` of them in one call.

    `update_all` says of each key what is worth telling, or how it failed; what it raises, as a Target does, is of all
    of them. `read_back` says after the push what the target holds otherwise than it was written, by key; "" is for what
    concerns no single one.
    """

    batch: int

    def update_batch(self, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str | RecordError]: ...

    def read_back(self, written: Sequence[WrittenRow], began: datetime) -> Mapping[str, str]: ...
