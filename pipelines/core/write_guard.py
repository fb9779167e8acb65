"""The check that each write to a system passes right before it is sent. Without a check, every write may begin.

It applies to the process: a write is sent by any of the run's threads, and a process does one run at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

_check: Callable[[], None] | None = None


@contextlib.contextmanager
def guarded_by(check: Callable[[], None]) -> Iterator[None]:
    """While the block runs, `check` is called before each write. It raises a CentraMyogoError if none may begin."""
    global _check
    before, _check = _check, check
    try:
        yield
    finally:
        _check = before


def may_write() -> None:
    """Raises the CentraMyogoError of the check if no write may begin now."""
    if _check is not None:
        _check()
