"""Parses `Retry-After` in every format that servers are known to use."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

EPOCH_FROM = 1_000_000_000


def seconds_to_wait(value: str | None, now: datetime) -> float | None:
    """Seconds from `now` (timezone-aware), or None if the header is absent or unreadable.

    Formats: seconds, an HTTP date (RFC 9110), an ISO 8601 date, and Unix time (any number above 1,000,000,000;
    Centra's newer API documents a timestamp). A time in the past gives 0.
    """
    if value is None or not (text := value.strip()):
        return None
    try:
        number = float(text)
    except ValueError:
        moment = _moment(text)
        return None if moment is None else max(0.0, (moment - now).total_seconds())
    if not math.isfinite(number):
        return None
    return max(0.0, number - now.timestamp() if number > EPOCH_FROM else number)


def _moment(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
