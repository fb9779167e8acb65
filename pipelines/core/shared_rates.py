"""The wait for a request rate that several processes and machines share. Without it, each process keeps a rate alone.

It applies to the process, as the check of `write_guard` does: a process does one run at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Event
from typing import Protocol


class SharedRates(Protocol):
    def wait(self, budget: str, requests_per_second: float, burst: int, closed: Event) -> None:
        """Waits until the next request of `budget` may be sent, or until `closed` is set. Any thread may call it.

        At most `burst` requests are sent at once. Raises a CentraMyogoError if no request may be sent.
        """


_shared: SharedRates | None = None


@contextlib.contextmanager
def sharing_rates(rates: SharedRates | None) -> Iterator[None]:
    """While the block runs, each request waits for `rates`, if there are any."""
    global _shared
    before, _shared = _shared, rates
    try:
        yield
    finally:
        _shared = before


def wait_for_shared_rate(budget: str, requests_per_second: float, burst: int, closed: Event) -> None:
    """As `SharedRates.wait`; returns at once if this process shares no rates."""
    if _shared is not None:
        _shared.wait(budget, requests_per_second, burst, closed)
