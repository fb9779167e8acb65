"""`schedule` and `full_at` of a channel file: when the runs of `serve` start.

All times that functions take and return are UTC without an offset, as the database stores times. Cron lines are read
here, because apscheduler numbers weekdays from Monday, needs both kinds of days to match, and leaves out times around
the change to summer time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, NoReturn
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

OFF: Literal["off"] = "off"
EXAMPLES = 'write "every 15 min", "every 2 h" or a cron line such as "*/15 6-22 * * *"'
_UNITS_S = {"min": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 31 * 86_400
_LONGEST_GAP_DAYS = 8 * 366 + 2  # between two days of a line, 29 February around 2100
_INTERVAL = re.compile(r"every (\d{1,9}) ?([a-z]+)")


@dataclass(frozen=True)
class Every:
    """At a fixed interval (in seconds), counted from midnight of 2000-01-01 in the channel's zone."""

    interval_s: int

    def __str__(self) -> str:
        unit = next(unit for unit in ("d", "h", "min") if self.interval_s % _UNITS_S[unit] == 0)
        return f"every {self.interval_s // _UNITS_S[unit]} {unit}"

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first time after `moment`."""
        anchor = _in_utc(datetime(2000, 1, 1, tzinfo=zone))
        interval = timedelta(seconds=self.interval_s)
        return anchor + ((moment - anchor) // interval + 1) * interval


@dataclass(frozen=True)
class Cron:
    """At the times of a cron line in the channel's zone.

    Weekdays are numbered as cron does it: 0 and 7 are Sunday. If both the day of the month and the weekday are limited,
    either of them is enough, as in cron. A time in the hour that comes twice when summer time ends comes twice.
    """

    line: str

    def __str__(self) -> str:
        return self.line

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first time after `moment`."""
        first = moment.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=1)
        days = (first + timedelta(days=number) for number in range(_LONGEST_GAP_DAYS))
        return next(one for day in days for one in _times_of(self.line, zone, day) if one > moment)


@dataclass(frozen=True)
class Daily:
    """Once a day at a time in the channel's zone, also on the days when summer time begins and ends."""

    at: time

    def __str__(self) -> str:
        return f"{self.at:%H:%M}"

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first time after `moment`."""
        today = moment.replace(tzinfo=UTC).astimezone(zone).date()
        days = (today + timedelta(days=number) for number in range(-1, 3))
        times = (_in_utc(datetime.combine(day, self.at, zone)) for day in days)
        return next(one for one in times if one > moment)


Schedule = Every | Cron | Daily


@dataclass(frozen=True)
class Timing:
    """Flows of one channel that start together. `full`: the run reads everything."""

    schedule: Schedule
    flows: tuple[str, ...]
    full: bool = False


def timings(by_flow: Mapping[str, Every | Cron | None], full_at: Daily | None) -> list[Timing]:
    """One timing for each different schedule, with its flows in the order given; then that of `full_at`, with all flows
    that have a schedule."""
    flows: dict[Schedule, tuple[str, ...]] = {}
    for name, schedule in by_flow.items():
        if schedule is not None:
            flows[schedule] = (*flows.get(schedule, ()), name)
    found = [Timing(schedule, names) for schedule, names in flows.items()]
    if full_at is not None and found:
        scheduled = tuple(name for name, schedule in by_flow.items() if schedule is not None)
        found.append(Timing(full_at, scheduled, full=True))
    return found


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _parsed(value: Any) -> Any:
    """The schedule that a text of the channel file means, or OFF. Raises ValueError."""
    if not isinstance(value, str):
        return value if isinstance(value, Every | Cron) else _refuse(value)
    text = " ".join(value.lower().split())
    if text == OFF:
        return OFF
    if text.startswith("every"):
        return Every(_interval_s(value, text))
    if len(text.split()) != 5:
        _refuse(value)
    _check_cron_line(value, text)
    return Cron(text)


def _interval_s(value: str, text: str) -> int:
    match = _INTERVAL.fullmatch(text)
    unit_s = _UNITS_S.get(match[2]) if match else None
    if match is None or unit_s is None:
        if match and match[2] in ("s", "sec", "seconds"):
            raise ValueError(f'{_shown(value)} is too often; the shortest is "every 1 min"')
        _refuse(value)
    interval_s = int(match[1]) * unit_s
    if not 60 <= interval_s <= _LONGEST_S:
        raise ValueError(f'{_shown(value)} is out of range; write an interval from "every 1 min" to "every 31 d"')
    return interval_s


def _refuse(value: object) -> NoReturn:
    raise ValueError(f"{_shown(value)} is not a schedule; {EXAMPLES}")


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# The fields in their order, with their smallest and largest number; the keys are apscheduler's names.
_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "day_of_week": (0, 7)}
_TITLES = {"day": "day of the month", "day_of_week": "weekday"}
_NAMES = {"month": {name: number for number, name in enumerate(_MONTHS, 1)},
          "day_of_week": {name: number for number, name in enumerate(_DAYS)}}  # fmt: skip
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w{1,3})(?:-(?P<last>\w{1,3}))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)


def _check_cron_line(value: str, line: str) -> None:
    """Raises ValueError, which names the wrong field."""
    for (name, _), field in zip(_FIELDS.items(), line.split(), strict=True):
        try:
            _numbers(name, field)
        except (ValueError, LookupError):
            title = _TITLES.get(name, name)
            raise ValueError(f"{_shown(field)} is not valid as the {title} of a cron line; {EXAMPLES}") from None
    if not any(_is_due(line, date(2000, 1, 1) + timedelta(days=number)) for number in range(_LONGEST_GAP_DAYS)):
        raise ValueError(f"{_shown(value)} names a day that no month has; {EXAMPLES}")


def _numbers(name: str, field: str) -> list[int]:
    """The numbers that a field of a cron line stands for. Raises ValueError or LookupError."""
    low, high = _FIELDS[name]
    found = {number for part in field.split(",") for number in _part_numbers(name, part, low, high)}
    return sorted({number % 7 for number in found} if name == "day_of_week" else found)


def _part_numbers(name: str, part: str, low: int, high: int) -> Iterator[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(part)
    step = int(match["step"] or 1)
    if match["all"]:
        first, last = low, 6 if name == "day_of_week" else high
    else:
        first = _number(name, match["first"])
        last = _number(name, match["last"]) if match["last"] else high if match["step"] else first
        if name == "day_of_week" and last == 0 and match["last"]:
            last = 7  # Friday to Sunday
    if not low <= first <= last <= high or not 0 < step <= high - low + 1:
        raise ValueError(part)
    yield from range(first, last + 1, step)


def _number(name: str, text: str) -> int:
    return int(text) if text.isdigit() else _NAMES[name][text]


@cache
def _parsed_fields(line: str) -> tuple[tuple[str, ...], tuple[frozenset[int], ...]]:
    """The fields' texts, and the numbers that each stands for."""
    texts = tuple(line.split())
    return texts, tuple(frozenset(_numbers(name, text)) for name, text in zip(_FIELDS, texts, strict=True))


def _is_due(line: str, day: date) -> bool:
    """Whether the line has times on that day. If day of the month and weekday are both limited, one is enough."""
    (_, _, day_text, _, weekday_text), (_, _, days, months, weekdays) = _parsed_fields(line)
    in_month, in_week = day.day in days, day.isoweekday() % 7 in weekdays
    limited = not day_text.startswith("*") and not weekday_text.startswith("*")
    return day.month in months and (in_month or in_week if limited else in_month and in_week)


@lru_cache(maxsize=256)
def _times_of(line: str, zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """The times of that day, in order. One that summer time leaves out comes an hour later."""
    if not _is_due(line, day):
        return ()
    _, (minutes, hours, *_) = _parsed_fields(line)
    local = (datetime.combine(day, time(hour, minute), zone) for hour in hours for minute in minutes)
    pairs = ((_in_utc(one), _in_utc(one.replace(fold=1))) for one in local)
    return tuple(sorted({moment for first, second in pairs for moment in (first, max(first, second))}))


def _time_of_day(value: Any) -> Daily:
    if isinstance(value, Daily):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise ValueError(f'{_shown(value)} is not a time of day; write hours and minutes, such as "03:30"')
    return Daily(time.fromisoformat(value))


ScheduleText = Annotated[Every | Cron | Literal["off"], BeforeValidator(_parsed)]
TimeText = Annotated[Daily, BeforeValidator(_time_of_day)]
