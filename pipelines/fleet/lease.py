"""The lease of a channel: one machine at a time may run it, for a limited time.

Each taking of the lease has a generation, a number that only grows. The database decides by its own clock when a lease
has lapsed. The holder counts on its own clock, from before it asked the database, so its time ends first; the two
clocks need not agree, but must run equally fast.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipelines.core.errors import ChannelBusy, LeaseLost, StateUnavailable

log = logging.getLogger(__name__)

BEATS = 10  # renewals in the time of one lease


@dataclass(frozen=True)
class Grant:
    """A lease that was taken. `snapshot` is the newest object that a holder gave back, of `snapshot_generation`."""

    generation: int
    snapshot: str | None = None
    snapshot_generation: int = 0


@dataclass(frozen=True)
class Held:
    """A lease that another holder has, in the database's time."""

    holder: str
    until: datetime


class LeaseStore(Protocol):
    """Where leases are kept. Each method is atomic and raises StateUnavailable."""

    def take(self, channel: str, holder: str, seconds: float) -> Grant | Held:
        """Takes a lease that was given back, has lapsed or never was, with the next generation."""

    def renew(self, channel: str, generation: int, seconds: float) -> bool:
        """Prolongs the lease, counted from now. False if it has lapsed or another holder has it."""

    def give_back(self, channel: str, generation: int, snapshot: str | None, newest: int = 0) -> bool:
        """Ends the lease; `snapshot`, if any, becomes the newest, and holds the records up to the id `newest`. False,
        without effect, if another has taken the lease."""


def monotonic() -> float:
    """Seconds on a clock that nobody sets. On Linux it also counts while the machine is suspended."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Lease:
    """The lease of one run. `seconds` is how long it lasts without renewal, `longest_call_s` the time that a write may
    take. Any thread may call `check`."""

    def __init__(
        self,
        store: LeaseStore,
        channel: str,
        holder: str,
        seconds: float,
        longest_call_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store, self._channel, self._holder = store, channel, holder
        self._seconds, self._longest_call_s, self._clock = seconds, longest_call_s, clock
        self._deadline = -float("inf")
        self._is_taken_over = False
        self.grant = Grant(0)

    def take(self) -> Grant:
        """Raises ChannelBusy, which names the holder, or StateUnavailable."""
        asked = self._clock()
        answer = self._store.take(self._channel, self._holder, self._seconds)
        if isinstance(answer, Held):
            raise ChannelBusy(
                f"Another machine runs channel {self._channel!r}: {answer.holder}, until "
                f"{answer.until:%Y-%m-%d %H:%M:%S} UTC at least.",
                "Nothing was done. Run again when it has ended; if that machine is dead, after that time.",
            )
        self.grant, self._deadline = answer, asked + self._seconds
        return answer

    def renew(self) -> bool:
        """Whether the lease was prolonged. Raises StateUnavailable; the lease then lasts as long as before."""
        asked = self._clock()
        if not self._store.renew(self._channel, self.grant.generation, self._seconds):
            self._is_taken_over = True
            return False
        self._deadline = asked + self._seconds
        return True

    def give_back(self, snapshot: str | None, newest: int = 0) -> bool:
        """Whether `snapshot` is now the newest of the channel; false if another machine has taken it over."""
        self._deadline = -float("inf")
        return self._store.give_back(self._channel, self.grant.generation, snapshot, newest)

    def check(self) -> None:
        """Raises LeaseLost if a write that begins now may not end before the lease does."""
        left = self._deadline - self._clock()
        if self._is_taken_over or left < self._longest_call_s:
            raise LeaseLost(
                f"This machine's lease of channel {self._channel!r} "
                + ("was lost" if self._is_taken_over or left <= 0 else f"ends in {left:.0f} s and was not renewed")
                + f", and a write may take {self._longest_call_s:g} s: no further change was begun.",
                "What was written is recorded. Check that this machine reaches the database of [state] and was not "
                "suspended, and run again.",
            )


class Renewals(threading.Thread):
    """Renews the lease in the background until `stop`, or until another machine has taken it over."""

    def __init__(self, lease: Lease, every_s: float) -> None:
        super().__init__(name="lease", daemon=True)
        self._lease, self._every_s = lease, every_s
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                if not self._lease.renew():
                    log.warning("the lease was lost: no further change is begun")
                    return
            except StateUnavailable as error:
                log.warning("the lease could not be renewed yet: %s", error.message)

    def stop(self) -> None:
        """Ends the renewals; one that is under way is finished."""
        self._stopped.set()
        self.join()
