"""Recognises repeated messages."""

from __future__ import annotations

from pipelines.systems.system import VerifiedMessage

MAX_REMEMBERED = 100_000


class ReplayGuard:
    """Remembers verified messages as long as they would be accepted, at most the newest `max_remembered`."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        self._until: dict[bytes, float] = {}

    def seen_before(self, message: VerifiedMessage, now: float) -> bool:
        """Whether the same message arrived before. Remembers the message. `now` is a Unix time."""
        known = self._until.get(message.digest)
        if known is not None and known >= now:
            return True
        self._until.pop(message.digest, None)
        self._until[message.digest] = message.until
        while self._until:
            oldest, until = next(iter(self._until.items()))
            if until >= now and len(self._until) <= self._max_remembered:
                break
            del self._until[oldest]
        return False

    def __len__(self) -> int:
        return len(self._until)
