"""The schedule of all channels: what starts when, what was missed, and pauses. No test waits for a clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers import base
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.schedule import Cron, Daily, Every, Timing
from pipelines.core.errors import ConfigError
from pipelines.state.pause import Pause, pause_file
from pipelines.state.store import Folder
from pipelines.web.scheduler import Jitter, Scheduler, is_too_late, missed, next_start
from tests.support.waiting import LONG_S

STOCKHOLM = ZoneInfo("Europe/Stockholm")
QUARTER, HOURLY, NIGHT = Every(900), Every(3600), Daily(time(3, 30))


def at(text: str) -> datetime:
    """A time on 2026-11-23 (UTC), a Monday; Stockholm is an hour ahead."""
    return datetime.fromisoformat(f"2026-11-23T{text}")


@dataclass
class ChannelFile:
    """What the scheduler reads of a channel."""

    name: str
    timings: list[Timing]
    zone: ZoneInfo = STOCKHOLM


def channel(name: str, *timings: Timing) -> Any:
    return ChannelFile(name, [*timings])


PRODUCTS = Timing(QUARTER, ("products",))
BOTH = Timing(HOURLY, ("products", "stock"))


# The decisions


def test_jitter_is_a_tenth_of_the_interval_and_at_most_a_minute() -> None:
    assert [Jitter().longest_s(timedelta(minutes=minutes)) for minutes in (1, 5, 10, 60)] == [6, 30, 60, 60]
    assert Jitter(0).longest_s(timedelta(hours=1)) == 0
    for share, max_s in ((1, 60), (-0.1, 60), (0.1, -1)):
        with pytest.raises(ValueError, match="must be"):
            Jitter(share, max_s)


@pytest.mark.parametrize(
    ("drawn", "expected"), [(0, "10:15:00"), (0.5, "10:15:30"), (1, "10:16:00")], ids=["least", "half", "most"]
)
def test_a_start_is_at_its_time_or_a_little_later(drawn: float, expected: str) -> None:
    assert next_start(QUARTER, STOCKHOLM, at("10:07:31"), Jitter(), lambda: drawn) == at(expected)


def test_the_jitter_of_a_cron_line_follows_from_its_own_pause() -> None:
    line = Cron("0,2 * * * *")
    starts = [next_start(line, STOCKHOLM, at(moment), Jitter(), lambda: 1) for moment in ("09:30", "10:01")]
    assert starts == [at("10:00:12"), at("10:03:00")]


@given(
    st.sampled_from([Every(60), QUARTER, Cron("*/7 6-22 * * *"), NIGHT]),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - UTC
    st.floats(0, 1),
)
def test_no_time_is_skipped_or_used_twice_because_of_jitter(schedule: Any, moment: datetime, drawn: float) -> None:
    """Whatever is drawn, the start after a start belongs to the next time of the schedule."""
    planned = schedule.next_after(moment, STOCKHOLM)
    started = next_start(schedule, STOCKHOLM, moment, Jitter(), lambda: drawn)
    assert planned <= started < schedule.next_after(planned, STOCKHOLM)
    assert schedule.next_after(started, STOCKHOLM) == schedule.next_after(planned, STOCKHOLM)
    assert not is_too_late(schedule, STOCKHOLM, started, moment)


def test_a_start_planned_before_the_clock_was_set_back_is_too_late() -> None:
    assert not is_too_late(QUARTER, STOCKHOLM, at("10:16"), at("10:07"))
    assert is_too_late(QUARTER, STOCKHOLM, at("10:31"), at("10:07"))


NIGHTLY = Timing(NIGHT, ("products", "stock"), full=True)  # at 02:30 UTC
STOCK = Timing(HOURLY, ("stock",))


@pytest.mark.parametrize(
    ("last_run", "now", "flows", "full"),
    [
        (None, "10:07", None, False),
        ("10:00:31", "10:07", None, False),
        ("10:00:31", "10:15", ("products",), False),
        ("09:50", "10:07", ("products", "stock"), False),
        ("02:20", "02:31", ("products", "stock"), True),
        ("02:29", "10:07", ("products", "stock"), True),
        ("10:00", "09:00", None, False),
    ],
    ids=["never ran", "nothing", "at the time", "two schedules", "full alone", "all three", "clock set back"],
)
def test_what_was_missed_is_started_once(
    last_run: str | None, now: str, flows: tuple[str, ...] | None, full: bool
) -> None:
    found = missed([PRODUCTS, STOCK, NIGHTLY], STOCKHOLM, last_run and at(last_run), at(now))
    assert (found and (found.flows, found.full)) == (flows and (flows, full))


# apscheduler with a clock that the test sets


@dataclass
class Clock:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


@dataclass
class Starts:
    """The runs that were started; `draw` is always 0.5."""

    scheduler: Scheduler
    clock: Clock
    made: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)

    async def advance(self, to: str | datetime) -> list[tuple[str, tuple[str, ...], bool]]:
        """Sets the clock, lets the scheduler notice it, and returns what was started."""
        self.clock.moment = at(to) if isinstance(to, str) else to
        self.scheduler.check_clock()
        for _ in range(10):  # rounds of the event loop: apscheduler wakes up, then calls
            await asyncio.sleep(0)
        made, self.made[:] = [*self.made], []
        return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(at("10:07:31"))

    class FakeTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.moment.replace(tzinfo=UTC)

    monkeypatch.setattr(base, "datetime", FakeTime)
    return clock


@pytest.fixture
def starts(tmp_path: Path, clock: Clock) -> Iterator[Starts]:
    made: list[tuple[str, tuple[str, ...], bool]] = []
    scheduler = Scheduler(tmp_path, lambda *start: made.append(start), now=clock.now, draw=lambda: 0.5)
    yield Starts(scheduler, clock, made)
    assert made == []


def live(starts: Starts, channels: list[Any], story: Any, **last_runs: datetime | None) -> None:
    async def run() -> None:
        starts.scheduler.begin(channels, last_runs)
        try:
            await story
        finally:
            await starts.scheduler.end()

    asyncio.run(run())


def test_each_channel_starts_at_its_times(starts: Starts) -> None:
    """In the middle of the jitter: 30 s after each time."""

    async def story() -> None:
        scheduler = starts.scheduler
        assert [scheduler.next_run(name) for name in ("a", "b", "c")] == [at("10:15:30"), at("11:00:30"), None]
        assert await starts.advance("10:15:29") == []
        assert await starts.advance("10:15:30") == [("a", ("products",), False)]
        assert await starts.advance("10:15:31") == []
        assert scheduler.next_run("a") == at("10:30:30")
        assert sorted(await starts.advance("11:00:30")) == [
            ("a", ("products",), False), ("b", ("products", "stock"), False),
        ]  # fmt: skip

    live(starts, [channel("a", PRODUCTS), channel("b", BOTH), channel("c")], story())


def test_times_that_passed_during_sleep_start_one_run(starts: Starts) -> None:
    async def story() -> None:
        assert await starts.advance(at("18:20")) == [("a", ("products",), False)]
        assert starts.scheduler.next_run("a") == at("18:30:30")

    live(starts, [channel("a", PRODUCTS)], story())


def test_a_full_run_reads_everything(starts: Starts) -> None:
    async def story() -> None:
        assert await starts.advance(at("02:30:30") + timedelta(days=1)) == [("a", ("products", "stock"), True)]

    live(starts, [channel("a", NIGHTLY)], story())


def test_a_channel_that_missed_a_time_is_started_soon_and_once(starts: Starts) -> None:
    """Within the jitter. One that never ran, or has missed nothing, waits for its time."""

    async def story() -> None:
        assert starts.scheduler.next_run("late") == at("10:07:31") + timedelta(seconds=0.05 * (7 * 60 + 29))
        assert await starts.advance("10:07:31") == []
        assert await starts.advance("10:08:31") == [("late", ("products", "stock"), False)]
        assert await starts.advance("10:14") == []
        assert starts.scheduler.next_run("late") == at("10:15:30")

    channels = [channel(name, PRODUCTS, STOCK) for name in ("late", "new", "good")]
    live(starts, channels, story(), late=at("08:00"), new=None, good=at("10:02"))


def test_a_time_that_passes_before_the_schedule_begins_starts_one_run(starts: Starts) -> None:
    """`serve` reads a file of each channel between the two, which takes a minute of a thousand channels."""
    channels = [channel("a", PRODUCTS)]
    starts.scheduler.update(channels)
    starts.clock.moment = at("10:16")

    async def story() -> None:
        assert await starts.advance("10:16:00") == []
        assert await starts.advance("10:17:00") == [("a", ("products",), False)]
        assert await starts.advance("10:29") == []

    live(starts, channels, story(), a=at("10:02"))


def test_a_missed_run_of_a_removed_channel_is_not_started(starts: Starts) -> None:
    async def story() -> None:
        starts.scheduler.update([])
        assert starts.scheduler.next_run("a") is None
        assert await starts.advance("12:00") == []

    live(starts, [channel("a", PRODUCTS)], story(), a=at("08:00"))


def test_changed_files_change_the_schedule(starts: Starts) -> None:
    """Added, removed and changed ones; the flows of a job change without its time."""

    async def story() -> None:
        scheduler = starts.scheduler
        starts.clock.moment = at("10:15:10")  # after its time and before its start
        more_flows = Timing(QUARTER, ("products", "stock"))
        scheduler.update([channel("a", more_flows), channel("b", PRODUCTS), channel("d", BOTH)])
        assert [scheduler.next_run(name) for name in "abcd"] == [
            at("10:15:30"), at("10:30:30"), None, at("11:00:30"),
        ]  # fmt: skip
        assert await starts.advance("10:16") == [("a", ("products", "stock"), False)]
        other_zone = channel("d", Timing(Cron("0 12 * * *"), ("stock",)))
        scheduler.update([other_zone])
        assert scheduler.next_run("d") == at("11:00:30")
        other_zone.zone = ZoneInfo("UTC")
        scheduler.update([other_zone])
        assert scheduler.next_run("d") == at("12:00:30")

    live(starts, [channel("a", PRODUCTS), channel("b", BOTH), channel("c", PRODUCTS)], story())


def test_a_clock_that_is_set_back_does_not_stop_the_schedule(starts: Starts) -> None:
    async def story() -> None:
        await starts.advance(at("10:15:30") + timedelta(days=365))
        assert await starts.advance("10:20") == []
        assert starts.scheduler.next_run("a") == at("10:30:30")
        assert await starts.advance("10:31") == [("a", ("products",), False)]

    live(starts, [channel("a", PRODUCTS)], story())


def test_a_paused_channel_is_not_started_and_others_are(starts: Starts, tmp_path: Path) -> None:
    async def story() -> None:
        scheduler = starts.scheduler
        scheduler.pause("a", "anna")
        assert scheduler.paused("a") == Pause("anna", at("10:07:31"))
        assert (scheduler.next_run("a"), scheduler.paused("b")) == (None, None)
        assert await starts.advance("10:16") == [("b", ("products",), False)]
        scheduler.resume("a")
        assert (scheduler.paused("a"), scheduler.next_run("a")) == (None, at("10:30:30"))
        assert sorted(name for name, *_ in await starts.advance("10:31")) == ["a", "b"]

    live(starts, [channel("a", PRODUCTS), channel("b", PRODUCTS)], story())


def test_a_pause_survives_a_restart(starts: Starts, tmp_path: Path) -> None:
    """Also the start of a missed run waits for the schedule to be resumed."""
    before = Scheduler(tmp_path, print, now=starts.clock.now)
    before.update([channel("a", PRODUCTS)])
    before.pause("a", "anna")

    async def story() -> None:
        assert starts.scheduler.paused("a") == Pause("anna", at("10:07:31"))
        assert await starts.advance("10:20") == []

    live(starts, [channel("a", PRODUCTS)], story(), a=at("08:00"))


def test_a_damaged_pause_is_a_pause(starts: Starts, tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a")
    folder.make()
    pause_file(folder).write_text("{")

    async def story() -> None:
        pause = starts.scheduler.paused("a")
        assert pause is not None
        assert "is damaged" in pause.message
        assert await starts.advance("10:20") == []
        starts.scheduler.resume("a")
        assert await starts.advance("10:31") == [("a", ("products",), False)]

    live(starts, [channel("a", PRODUCTS)], story())


@pytest.mark.parametrize("name", ["b", "../a", ""])
def test_a_channel_that_does_not_exist_cannot_be_paused(starts: Starts, tmp_path: Path, name: str) -> None:
    """A name from a page never becomes a path."""

    async def story() -> None:
        with pytest.raises(ConfigError, match="There is no channel"):
            starts.scheduler.pause(name, "anna")
        with pytest.raises(ConfigError, match="There is no channel"):
            starts.scheduler.resume(name)
        assert (starts.scheduler.paused(name), starts.scheduler.next_run(name)) == (None, None)

    live(starts, [channel("a", PRODUCTS)], story())
    assert [*tmp_path.iterdir()] == []


def test_an_error_of_one_start_does_not_stop_the_schedule(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[tuple[str, tuple[str, ...], bool]] = []

    def start(*_: Any) -> None:
        made.append(("a", (), False))
        raise OSError("no more processes")

    starts = Starts(Scheduler(tmp_path, start, now=clock.now, draw=lambda: 0.5), clock, made)

    async def story() -> None:
        with caplog.at_level(logging.ERROR):
            assert len(await starts.advance("10:16")) == 1
        assert "no more processes" in caplog.text
        caplog.clear()
        assert len(await starts.advance("10:31")) == 1

    live(starts, [channel("a", PRODUCTS)], story())


def test_nothing_starts_after_the_end(starts: Starts) -> None:
    async def story() -> None:
        await starts.scheduler.end()
        starts.clock.moment = at("12:00")
        await asyncio.sleep(0)

    async def run() -> None:
        starts.scheduler.begin([channel("a", PRODUCTS)], {})
        await story()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    asyncio.run(run())


@dataclass(frozen=True)
class Soon:
    """A schedule whose times are a hundredth of a second apart."""

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        return moment + timedelta(milliseconds=10)


def test_the_event_loop_starts_runs_without_a_check_of_the_clock(tmp_path: Path) -> None:
    """With the real clock, for as long as it takes."""
    made: list[tuple[str, tuple[str, ...], bool]] = []

    async def run() -> None:
        enough = asyncio.Event()

        def start(*run: Any) -> None:
            made.append(run)
            if len(made) == 3:
                enough.set()

        scheduler = Scheduler(tmp_path, start)
        scheduler.begin([channel("a", Timing(Soon(), ("products",)))], {})
        await asyncio.wait_for(enough.wait(), LONG_S)
        await scheduler.end()

    asyncio.run(run())
    assert made[:3] == [("a", ("products",), False)] * 3


def test_a_scheduler_that_never_began_can_end(starts: Starts) -> None:
    asyncio.run(starts.scheduler.end())
