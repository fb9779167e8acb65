"""The side we write to."""

from __future__ import annotations

from typing import Any, Protocol


class Target(Protocol):
    """One change at a time. `product` maps our columns to values; absent columns are not ours to change.

    Both return what is worth telling about it, or "". Both raise TargetRefused (the target said no),
    TargetUnknown (nobody knows), TargetLost (stop; nobody knows), or TargetUnavailable or ConfigError (stop;
    this change did not happen).
    """

    def create(self, key: str, product: dict[str, Any]) -> str: ...

    def update(self, key: str, product: dict[str, Any]) -> str: ...
