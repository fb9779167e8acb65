"""The side we write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from pipelines.core.errors import RecordError


class Target(Protocol):
    """One change at a time; made with the clients of all systems, by name, and the flow's parameters.

    `row` maps our columns to values; absent columns are not ours to change. Both methods return what is worth saying
    about the write, or "". Both raise TargetRefused (the target said no), TargetUnknown (no usable answer), TargetLost
    (stop; no usable answer), or TargetUnavailable or ConfigError (stop; this change did not happen).
    """

    def create(self, key: str, row: dict[str, Any]) -> str: ...

    def update(self, key: str, row: dict[str, Any]) -> str: ...


@dataclass(frozen=True)
class WrittenRow:
    """A row that was written: by which key, of which row of the source, and our columns of it."""

    key: str
    source_id: str
    row: Mapping[str, Any]


@runtime_checkable
class BatchTarget(Protocol):
    """Updates, up to `batch` of them in one call.

    `update_batch` returns by key what is worth saying, or how the write failed; what it raises, as a Target does, is
    about all of them. `read_back` returns, after the push, what the target holds otherwise than it was written, by key;
    "" is for what concerns no single row.
    """

    batch: int

    def update_batch(self, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str | RecordError]: ...

    def read_back(self, written: Sequence[WrittenRow], began: datetime) -> Mapping[str, str]: ...
