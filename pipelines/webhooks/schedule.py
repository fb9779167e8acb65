"""Decides when to run which flows. Callers pass all times (seconds of one clock); the module reads no clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class RunSchedule:
    """Combines hints into runs. `flows` are all flows of the channel, in their order; a poll runs all of them."""

    def __init__(
        self, flows: Sequence[str], settle_s: float, longest_s: float, poll_s: float | None, now: float
    ) -> None:
        self._flows, self._settle_s, self._longest_s, self._poll_s = tuple(flows), settle_s, longest_s, poll_s
        self._waiting: set[str] = set()
        self._first_hint_at = self._last_hint_at = now
        self._poll_at = None if poll_s is None else now
        self._retry_at: float | None = None

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(name for name in self._flows if name in self._waiting)

    def hint(self, flows: Collection[str], now: float) -> None:
        if not self._waiting:
            self._first_hint_at = now
        self._waiting.update(flows)
        self._last_hint_at = now

    def retry(self, flows: Collection[str], at: float) -> None:
        """Schedules flows whose run failed. No run starts before `at`."""
        self._waiting.update(flows)
        self._retry_at = at if self._retry_at is None else max(at, self._retry_at)

    def due(self) -> float | None:
        """The start time of the next run; None if none is scheduled."""
        if self._retry_at is not None:
            return self._retry_at
        times = [] if self._poll_at is None else [self._poll_at]
        if self._waiting:
            times.append(min(self._last_hint_at + self._settle_s, self._first_hint_at + self._longest_s))
        return min(times, default=None)

    def begin(self, now: float) -> tuple[str, ...]:
        """The flows to run now, which stop waiting; all flows if a poll is due."""
        if self._poll_s is not None and self._poll_at is not None and self._poll_at <= now:
            self._waiting.update(self._flows)
            self._poll_at = now + self._poll_s
        flows = self.waiting
        self._waiting.clear()
        self._retry_at = None
        return flows
