"""The interface of the side that we write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from pipelines.core.errors import RecordError


class KeptOtherwise(str):
    """The message about a write after which the target holds other values than those sent. `held` has these values, by
    our columns."""

    held: Mapping[str, Any]

    def __new__(cls, message: str, held: Mapping[str, Any]) -> KeptOtherwise:
        instance = super().__new__(cls, message)
        instance.held = held
        return instance


class HeldBack(str):
    """The message about a write after which the target does not act on the row until somebody deals with it."""


class Target(Protocol):
    """Writes one change at a time. Constructed with the clients of all systems, by name, and the flow's parameters.

    `row` maps our columns to values; absent columns stay unchanged in the target. Both methods return a message about
    the write, or ""; it is a KeptOtherwise if the target's answer shows other values than those sent, and a HeldBack if
    a person must deal with the row there.

    Both raise TargetRefused (the target refused the change), TargetUnknown (no usable answer), TargetLost (stop; no
    usable answer), or TargetUnavailable or ConfigError (stop; this change did not happen).
    """

    def create(self, key: str, row: dict[str, Any]) -> str: ...

    def update(self, key: str, row: dict[str, Any]) -> str: ...


@dataclass(frozen=True)
class WrittenRow:
    """A row that was written: its key in the target, the id of its source row, and our columns."""

    key: str
    source_id: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A row whose value in the target is not the one that was written, with a message.

    `held` has the values, by our columns, that the target holds instead of ours, if a person must settle why: the write
    then counts as refused. None for a difference that the target is known to make.
    """

    message: str
    held: Mapping[str, Any] | None = None


@runtime_checkable
class BatchTarget(Protocol):
    """Writes up to `batch` updates in one call.

    `update_batch` returns, by key, a message or the error of that row; an error that it raises (as a Target does)
    concerns all rows. `read_back` returns, after the push, a Difference by key for each row whose value in the target
    differs from what was written; the key "" is for a message that concerns no single row.
    """

    batch: int

    def update_batch(self, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str | RecordError]: ...

    def read_back(self, written: Sequence[WrittenRow], began: datetime) -> Mapping[str, Difference]: ...
