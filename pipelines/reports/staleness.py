"""Whether the last good push of a channel is too old: the same answer for alerts, `status`, the pages and the metrics.

Times are UTC without an offset.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pipelines.config.channel import Channel
from pipelines.reports.alert_state import AlertFile, AlertRecord
from pipelines.state.store import Folder


def age_limit(channel: Channel, max_age: timedelta | None = None) -> timedelta | None:
    """`hours_since_success` of the channel file; `max_age` where it has none; None without a limit."""
    hours = channel.alerts.hours_since_success if channel.alerts else None
    return max_age if hours is None else timedelta(hours=hours)


def good_at(record: AlertRecord | None, last_push: datetime | None) -> datetime | None:
    """From when the age counts: the last good push, or the first look of the alerts if there was none."""
    known = [record.good_at] if record else []
    return max([*known, last_push] if last_push else known, default=None)


def is_stale(channel: Channel, since: datetime | None, now: datetime, max_age: timedelta | None = None) -> bool:
    """`since` is that of `good_at`. A channel without one is not stale before the first look."""
    limit = age_limit(channel, max_age)
    return limit is not None and since is not None and now - since > limit


def is_folder_stale(channel: Channel, folder: Folder, last_push: datetime | None, now: datetime) -> bool:
    """The same for somebody who only looks; `last_push` is the last good push of the published tables."""
    return age_limit(channel) is not None and is_stale(channel, good_at(AlertFile(folder).read(), last_push), now)


def stale_text(channel: Channel) -> str:
    """What a page says about it; a limit is hours, as in the channel file."""
    limit = age_limit(channel)
    hours = limit.total_seconds() / 3600 if limit is not None else 0
    return f"No good push for more than {hours:g} h (hours_since_success)."
