"""When which flows are to be run. Knows no clock: every moment is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class RunSchedule:
    """Gathers hints into runs; `flows` are all that the channel has, in their order, and what a poll runs."""

    def __init__(
        self, flows: Sequence[str], settle_s: float, longest_s: float, poll_s: float | None, now: float
    ) -> None:
        self._flows, self._settle_s, self._longest_s, self._poll_s = tuple(flows), settle_s, longest_s, poll_s
        self._waiting: set[str] = set()
        self._first = self._last = now
        self._poll_at = None if poll_s is None else now
        self._again_at: float | None = None

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(name for name in self._flows if name in self._waiting)

    def hint(self, flows: Collection[str], now: float) -> None:
        if not self._waiting:
            self._first = now
        self._waiting.update(flows)
        self._last = now

    def again(self, flows: Collection[str], at: float) -> None:
        """These could not be run; nothing is tried before that moment."""
        self._waiting.update(flows)
        self._again_at = at if self._again_at is None else max(at, self._again_at)

    def due(self) -> float | None:
        """When the next run is to begin; None while there is nothing to wait for."""
        if self._again_at is not None:
            return self._again_at
        moments = [] if self._poll_at is None else [self._poll_at]
        if self._waiting:
            moments.append(min(self._last + self._settle_s, self._first + self._longest_s))
        return min(moments, default=None)

    def begin(self, now: float) -> tuple[str, ...]:
        """The flows to run now, which wait no longer; a poll that is due takes all along."""
        if self._poll_s is not None and self._poll_at is not None and self._poll_at <= now:
            self._waiting.update(self._flows)
            self._poll_at = now + self._poll_s
        flows = self.waiting
        self._waiting.clear()
        self._again_at = None
        return flows
