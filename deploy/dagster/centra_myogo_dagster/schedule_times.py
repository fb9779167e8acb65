"""When the schedules of a channel file have a run, for a scheduler that knows cron lines only.

The command line has checked these texts; `centra-myogo check` reports a wrong one in full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

OFF = "off"
_UNITS_S = {"min": 60, "h": 3600, "d": 86_400}
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", re.ASCII)


@dataclass(frozen=True)
class Times:
    """The times of a cron line. With `interval_s`, only those that are a multiple of it (in seconds) after midnight of
    2000-01-01: few intervals are a cron line."""

    cron: str
    interval_s: int = 0

    def has(self, moment: datetime, zone: str) -> bool:
        """Whether a time of the cron line is one of these. `moment` has an offset."""
        if not self.interval_s:
            return True
        anchor = datetime(2000, 1, 1, tzinfo=ZoneInfo(zone))
        return (moment.astimezone(UTC) - anchor.astimezone(UTC)) % timedelta(seconds=self.interval_s) < timedelta(0, 60)


def times_of(text: str) -> Times | None:
    """The times that `schedule` means; None for "off". Raises ValueError."""
    words = text.lower().split()
    if words == [OFF]:
        return None
    if words and words[0].startswith("every"):
        return _interval(text)
    if len(words) != 5:
        raise ValueError(f"{text!r} is not a schedule")
    return Times(" ".join([*words[:4], _weekdays(words[4])]))


def daily(text: str) -> Times:
    """The times of `full_at`, such as "03:30". Raises ValueError."""
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day")
    return Times(f"{int(match[2])} {int(match[1])} * * *")


def _interval(text: str) -> Times:
    match = re.fullmatch(r"every (\d{1,9}) ?(min|h|d)", " ".join(text.lower().split()))
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a schedule")
    count, interval_s = int(match[1]), int(match[1]) * _UNITS_S[match[2]]
    if interval_s % 3600 == 0:
        return Times("0 * * * *", 0 if interval_s == 3600 else interval_s)
    if 60 % count == 0:
        return Times("* * * * *" if count == 1 else f"*/{count} * * * *")
    return Times("* * * * *", interval_s)


def _weekdays(field: str) -> str:
    """The numbers that the field stands for; the channel file may have 7 for Sunday, and ranges up to it."""
    if field.startswith("*"):
        return field
    numbers: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{field!r} is not valid as the weekday of a cron line")
        first = _weekday(match[1])
        last = _weekday(match[2]) if match[2] else 6 if match[3] else first
        numbers.update(range(first, (last or 7) + 1 if match[2] else last + 1, int(match[3] or 1)))
    return ",".join(str(number) for number in sorted({number % 7 for number in numbers}))


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"{text!r} is not a weekday")
