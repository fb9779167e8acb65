"""Request rates that processes on any machine share, as a row per budget in the database keeps them.

The row holds the time from which on the next request may be sent (the generic cell rate algorithm), by the database's
clock. A process reserves its next requests with one statement and counts the seconds until then on its own clock, from
when the answer came, so no request is early, whatever time of day the machine shows. Reserved time that a process does
not use is lost; it is so short that a killed or frozen process does not hold the others up.

The PostgreSQL bucket of pyrate-limiter 4.5 is not used. It takes seven statements in two transactions for a request,
one of them a lock of the table: a process that freezes between them stops all others, which then ask without a pause
(20,000 statements in 8 s, measured). And it takes the machine's clock when the database does not answer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from pipelines.fleet.lease import monotonic

ASK_EVERY_S = 0.25  # a process reserves requests for up to so many seconds at once
LATE_S = 1.0  # a reserved request that could not be sent so long is not sent later: its time has passed
FULL_S = 5.0  # how long to wait if the next minute is reserved already


class BudgetStore(Protocol):
    """Where budgets are kept. Raises StateUnavailable."""

    def reserve(self, budget: str, seconds: float, burst_s: float) -> float | None:
        """Reserves the next free `seconds`, of which `burst_s` may lie in the past. Returns in how many seconds they
        begin; None if too much is reserved already."""


class Budgets:
    """The budgets of one process (`core/shared_rates.py`). One reservation of each is in use at a time."""

    def __init__(self, store: BudgetStore, clock: Callable[[], float] = monotonic) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._budgets: dict[str, _Budget] = {}

    def wait(self, budget: str, requests_per_second: float, burst: int, closed: threading.Event) -> None:
        """Waits until the next request may be sent, or until `closed` is set. Raises StateUnavailable."""
        with self._lock:
            if budget not in self._budgets:
                self._budgets[budget] = _Budget(budget, self._store, self._clock)
        self._budgets[budget].wait(requests_per_second, burst, closed)


class _Budget:
    def __init__(self, name: str, store: BudgetStore, clock: Callable[[], float]) -> None:
        self._name, self._store, self._clock = name, store, clock
        self._lock = threading.Lock()  # held while a thread waits: the others come after it anyway
        self._times = deque[float]()  # when the reserved requests may be sent
        self._asked, self._count = -float("inf"), 1

    def wait(self, per_second: float, burst: int, closed: threading.Event) -> None:
        with self._lock:
            while not closed.is_set():
                self._drop_late()
                if not self._times and not self._reserve(per_second, burst):
                    closed.wait(FULL_S)
                    continue
                closed.wait(max(0.0, self._times[0] - self._clock()))
                if self._clock() <= self._times[0] + LATE_S:
                    self._times.popleft()
                    return

    def _drop_late(self) -> None:
        now = self._clock()
        while self._times and now > self._times[0] + LATE_S:
            self._times.popleft()

    def _reserve(self, per_second: float, burst: int) -> bool:
        """More at once while they are used up quickly: the database is asked a few times a second at most."""
        now = self._clock()
        most = max(1, int(per_second * ASK_EVERY_S))
        self._count = min(most, self._count * 2) if now - self._asked < 2 * ASK_EVERY_S else 1
        self._asked = now
        begins_in_s = self._store.reserve(self._name, self._count / per_second, (burst - 1) / per_second)
        if begins_in_s is None:
            return False
        first = self._clock() + begins_in_s
        self._times.extend(first + number / per_second for number in range(self._count))
        return True
