"""Recognises messages that have come already."""

from __future__ import annotations

from pipelines.systems.system import VerifiedMessage

MAX_REMEMBERED = 100_000


class ReplayGuard:
    """Remembers verified messages for as long as they would be accepted, the newest `most` of them."""

    def __init__(self, most: int = MAX_REMEMBERED) -> None:
        self._most = most
        self._until: dict[bytes, float] = {}

    def seen_before(self, message: VerifiedMessage, now: float) -> bool:
        """Whether the same message has come before; remembers it."""
        known = self._until.get(message.digest)
        if known is not None and known >= now:
            return True
        self._until.pop(message.digest, None)
        self._until[message.digest] = message.until
        while self._until:
            oldest, until = next(iter(self._until.items()))
            if until >= now and len(self._until) <= self._most:
                break
            del self._until[oldest]
        return False

    def __len__(self) -> int:
        return len(self._until)
