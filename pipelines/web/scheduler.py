"""Starts the runs of all channels at the times of their schedules.

apscheduler calls us at each time. What a time is, and what was missed, is decided by functions without a clock. All
times are UTC without an offset, as the database stores them, except inside apscheduler.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger

from pipelines.config.channel import Channel
from pipelines.config.schedule import Schedule, Timing
from pipelines.core.errors import ConfigError
from pipelines.state.pause import Pause, read_pause, remove_pause, write_pause
from pipelines.state.store import Folder, utc_now

log = logging.getLogger(__name__)
CLOCK_CHECK_S = 60.0

Start = Callable[[str, tuple[str, ...], bool], None]


@dataclass(frozen=True)
class Jitter:
    """How long after its time a run starts at most: a share of the interval, and no more than `max_s` seconds."""

    share: float = 0.1
    max_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1 or self.max_s < 0:
            raise ValueError(f"share = {self.share} must be from 0 to below 1, max_s = {self.max_s} at least 0")

    def longest_s(self, interval: timedelta) -> float:
        return min(interval.total_seconds() * self.share, self.max_s)


def next_start(
    schedule: Schedule, zone: ZoneInfo, after: datetime, jitter: Jitter, draw: Callable[[], float]
) -> datetime:
    """The next time of the schedule after `after`, plus a part of the jitter. `draw` returns numbers from 0 to 1."""
    planned = schedule.next_after(after, zone)
    interval = schedule.next_after(planned, zone) - planned
    return planned + timedelta(seconds=jitter.longest_s(interval) * draw())


def is_too_late(schedule: Schedule, zone: ZoneInfo, planned: datetime, now: datetime) -> bool:
    """Whether a start was planned by a clock that has been set back since: the schedule has two times before it."""
    return planned >= schedule.next_after(schedule.next_after(now, zone), zone)


def missed(timings: Sequence[Timing], zone: ZoneInfo, last_run: datetime | None, now: datetime) -> Timing | None:
    """The flows to start once, because a time of theirs has passed since the channel's last run; None if there is none.

    A channel that never ran has missed nothing: its first run starts at its time.
    """
    if last_run is None:
        return None
    late = [one for one in timings if one.schedule.next_after(last_run, zone) <= now]
    if not late:
        return None
    flows = dict.fromkeys(flow for one in late for flow in one.flows)
    return Timing(late[0].schedule, tuple(flows), any(one.full for one in late))


@dataclass(frozen=True)
class _Job:
    """What apscheduler starts: all that makes it another job. Its flows may change."""

    channel: str
    schedule: Schedule
    zone: ZoneInfo
    full: bool

    @property
    def id(self) -> str:
        return f"{self.channel}: {self.schedule} {self.zone.key}{' full' if self.full else ''}"


class Scheduler:
    """Calls `start` with a channel's name, its flows to run and whether they read everything, in the event loop that
    `begin` was called in. `start` returns immediately, and lets no two runs of one channel overlap.

    A pause is kept in the channel's folder in `data`. Times that pass meanwhile are not made up for.
    """

    def __init__(
        self,
        data: Path,
        start: Start,
        *,
        jitter: Jitter | None = None,
        now: Callable[[], datetime] = utc_now,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._data, self._start, self._now, self._draw = data, start, now, draw
        self._jitter = Jitter() if jitter is None else jitter
        self._channels: frozenset[str] = frozenset()
        self._jobs: dict[_Job, Timing] = {}
        self._job_ids: dict[str, list[str]] = {}  # by channel
        self._late: dict[str, Timing] = {}
        # A time that passed while the machine slept is made up for, once.
        defaults = {"misfire_grace_time": None, "coalesce": True}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        self._clock_check: asyncio.Task[None] | None = None

    def begin(self, channels: Iterable[Channel], last_runs: Mapping[str, datetime | None]) -> None:
        """Starts the schedules. `last_runs` has the start of each channel's last run, by name. A channel that has
        missed a time since then is started once, soon."""
        channels = [*channels]
        self.update([])  # a time that has passed since an earlier `update` is one that was missed, and starts once
        self.update(channels)
        now = self._now()
        for channel in channels:
            late = missed(channel.timings, channel.zone, last_runs.get(channel.name), now)
            if late is not None:
                interval = late.schedule.next_after(now, channel.zone) - now
                at = now + timedelta(seconds=self._jitter.longest_s(interval) * self._draw())
                self._late[channel.name] = late
                self._add(_late_id(channel.name), DateTrigger(_aware(at)), at, self._fire_late, channel.name)
        self._scheduler.start()
        self._clock_check = asyncio.get_running_loop().create_task(self._check_clock_each_minute())

    async def end(self) -> None:
        """Starts no further run."""
        if self._clock_check is not None:
            self._clock_check.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clock_check
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # apscheduler shuts down in the next round of the loop

    def update(self, channels: Iterable[Channel]) -> None:
        """Takes over added, removed and changed schedules. A schedule that is as before keeps its next time."""
        channels = [*channels]
        self._channels = frozenset(channel.name for channel in channels)
        wanted = {
            _Job(channel.name, one.schedule, channel.zone, one.full): one
            for channel in channels
            for one in channel.timings
        }
        for job in self._jobs.keys() - wanted:
            self._remove(job.id)
        for job in wanted.keys() - self._jobs:
            at = self._next_start(job, self._now())
            self._add(job.id, _Times(partial(self._next_start, job)), at, self._fire, job)
        self._jobs, self._job_ids = wanted, {}
        for job in wanted:
            self._job_ids.setdefault(job.channel, []).append(job.id)
        for channel in self._late.keys() - {job.channel for job in wanted}:
            del self._late[channel]
            self._remove(_late_id(channel))

    def next_run(self, channel: str) -> datetime | None:
        """When the next run of the channel starts; None without a schedule, or if it is paused."""
        if self.paused(channel) is not None:
            return None
        jobs = [self._scheduler.get_job(id) for id in (*self._job_ids.get(channel, ()), _late_id(channel))]
        return min((_naive(job.next_run_time) for job in jobs if job is not None), default=None)

    def pause(self, channel: str, by: str) -> None:
        """Starts no run of the channel until `resume`. `by` says who paused it. Raises ConfigError or StorageError."""
        write_pause(self._folder(channel), by, self._now())
        log.info("schedule paused channel=%s by=%s", channel, by)

    def resume(self, channel: str) -> None:
        """Goes on with the next time of the schedule. Raises ConfigError or StorageError."""
        remove_pause(self._folder(channel))
        log.info("schedule resumed channel=%s", channel)

    def paused(self, channel: str) -> Pause | None:
        """Who paused the channel's schedule and since when; None if it is not paused."""
        return read_pause(self._folder(channel)) if channel in self._channels else None

    def check_clock(self) -> None:
        """Starts what is due. The timers of an event loop stand still while the machine sleeps, and do not notice when
        its clock is set."""
        now = self._now()
        for job in self._jobs:
            known = self._scheduler.get_job(job.id)
            if known is not None and is_too_late(job.schedule, job.zone, _naive(known.next_run_time), now):
                known.modify(next_run_time=_aware(self._next_start(job, now)))
        self._scheduler.wakeup()

    async def _check_clock_each_minute(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_CHECK_S)
            self.check_clock()

    def _folder(self, channel: str) -> Folder:
        if channel not in self._channels:
            raise ConfigError(f"There is no channel {channel!r}.", "Give the name of a channel of the project.")
        return Folder(self._data, channel)

    def _next_start(self, job: _Job, after: datetime) -> datetime:
        return next_start(job.schedule, job.zone, after, self._jitter, self._draw)

    def _add(self, id: str, trigger: BaseTrigger, at: datetime, fire: Callable[..., object], what: object) -> None:
        self._scheduler.add_job(fire, trigger, [what], id=id, name=id, next_run_time=_aware(at))

    def _remove(self, id: str) -> None:
        if self._scheduler.get_job(id) is not None:
            self._scheduler.remove_job(id)

    async def _fire(self, job: _Job) -> None:
        if job in self._jobs:  # not removed a moment ago
            self._start_run(job.channel, self._jobs[job])

    async def _fire_late(self, channel: str) -> None:
        if (timing := self._late.pop(channel, None)) is not None:
            self._start_run(channel, timing)

    def _start_run(self, channel: str, timing: Timing) -> None:
        if (pause := self.paused(channel)) is not None:
            log.info("no run, because the schedule is paused channel=%s by=%s %s", channel, pause.by, pause.message)
            return
        log.info("run is due channel=%s flows=%s full=%s", channel, ",".join(timing.flows), timing.full)
        self._start(channel, timing.flows, timing.full)


class _Times(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """apscheduler's view of a schedule."""

    def __init__(self, next_start: Callable[[datetime], datetime]) -> None:
        self._next_start = next_start

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        latest = now if previous_fire_time is None else max(previous_fire_time, now)
        return _aware(self._next_start(_naive(latest)))


def _late_id(channel: str) -> str:
    return f"{channel}: missed"


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
