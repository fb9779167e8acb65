"""Named places between the steps of a run, where a test may end the process; nobody else arms them."""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None]) -> None:
    """From now on `hook` is called with each place's name as it is passed, in whatever thread passes it."""
    global _hook
    _hook = hook


def hit(place: str) -> None:
    """A boundary: what is before it has happened, what is after it has not."""
    if _hook is not None:
        _hook(place)
