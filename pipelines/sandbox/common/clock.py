"""A clock that tests can move forward, so that tokens expire without waiting."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


class Clock:
    """Seconds since the epoch, plus the seconds added by `advance`."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        # To the microsecond, the precision of the moments in requests and answers.
        return round(time.time() + self.offset_s, 6)

    def advance(self, seconds: float) -> None:
        self.offset_s += seconds

    def local(self, zone: str) -> str:
        """Now as Centra writes it: wall time of the company, no offset."""
        return datetime.fromtimestamp(self.now(), ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=1024)
def utc(moment: float) -> str:
    """The moment as ISO 8601 in UTC, to the microsecond, so that a client can send it back as a filter."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
