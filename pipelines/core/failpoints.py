"""Named places between the steps of a run, at which a test may end the process. Only tests install a hook."""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None]) -> None:
    """Calls `hook` with the name of each place that a thread passes, in that thread."""
    global _hook
    _hook = hook


def hit(place: str) -> None:
    """Marks a boundary: the step before it is done, the step after it has not started."""
    if _hook is not None:
        _hook(place)
