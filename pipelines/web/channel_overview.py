"""The state of one channel on the first page.

To read it from the published file takes some 50 ms, too long for a page of a thousand channels. It is therefore read
when a run has published a file (`keep_overviews`), and kept in the channel's folder, also for the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from pipelines.config.atomic_file import write_atomically
from pipelines.config.channel import Channel
from pipelines.engine.kept_evaluation import PROGRAM, is_of_program
from pipelines.reports.overview import TO_FIX, RunLine, last_good_push, last_run
from pipelines.reports.staleness import is_folder_stale, stale_text
from pipelines.state.lock import running_verb
from pipelines.state.pause import Pause
from pipelines.state.store import utc_now
from pipelines.web.project_channels import ProjectChannel, ProjectChannels
from pipelines.web.published_tables import NothingPublished, PublishedRows, TooManyRows
from pipelines.web.row_states import SENDABLE, count_states
from pipelines.web.scheduler import Scheduler

log = logging.getLogger(__name__)
KEPT = "pages-overview.json"
LOOK_EVERY_S, RETRY_S = 5.0, 300.0
_MAX_BYTES = 1_000_000
STATES = ("good", "attention", "failed", "stale", "running", "never run", "invalid")


@dataclass(frozen=True)
class FlowCounts:
    """Rows of a flow that a push would change, that somebody must fix, and that are as they should be."""

    name: str
    waiting: int
    to_fix: int
    equal: int


@dataclass(frozen=True)
class Overview:
    """`state` is one of STATES; `last_start` is the start of the newest run of any kind. Times are UTC."""

    name: str
    state: str
    message: str
    last_push: datetime | None
    last_run: RunLine | None
    flows: list[FlowCounts]
    to_fix: int
    new: int
    last_start: datetime | None = None
    pause: Pause | None = None
    next_run: datetime | None = None


def overview(one: ProjectChannel, scheduler: Scheduler, now: Callable[[], datetime] = utc_now) -> Overview:
    """What the first page shows of the channel; `scheduler` knows its next run. Stale counts more than how the last run
    ended, as in the alerts."""
    if one.channel is None:
        return Overview(one.name, "invalid", one.problem, None, None, [], 0, 0)
    found = of_tables(one, one.channel)
    if is_folder_stale(one.channel, one.folder, found.last_push, now()):
        found = replace(found, state="stale", message=" ".join(filter(None, (stale_text(one.channel), found.message))))
    if one.runs.running is not None or running_verb(one.folder):
        found = replace(found, state="running", message="")
    return replace(found, pause=scheduler.paused(found.name), next_run=scheduler.next_run(found.name))


def last_start(one: ProjectChannel, channel: Channel) -> datetime | None:
    """The start of the channel's newest run (UTC)."""
    return of_tables(one, channel).last_start


async def keep_overviews(channels: ProjectChannels, stopped: asyncio.Event, every_s: float = LOOK_EVERY_S) -> None:
    """Reads each file that a run has published since it looked last, until `stopped`."""
    while not stopped.is_set():
        for one in channels:
            if one.channel is not None and not stopped.is_set() and _known(one, _version(one)) is None:
                await run_in_threadpool(of_tables, one, one.channel)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), every_s)


def of_tables(one: ProjectChannel, channel: Channel) -> Overview:
    """What the published file says of the channel, without what changes between two runs. Reads a file once, also if
    several threads ask; one that cannot be read again after RETRY_S. Never raises, because the other channels go on."""
    with one.reading:
        version = _version(one)
        known = _known(one, version)
        if known is None:
            can_keep = all(is_of_program(flow) for flow in channel.declarations.values())
            known = _kept(one, version) if can_keep else None
            if known is None:
                known = _read(one, channel, version)
                if can_keep and known.read_again_at is None and _version(one) == version:
                    _keep(one, known)
            one.overview = known
        return known.overview


@dataclass(frozen=True)
class _Kept:
    """An overview, the version of what it depends on, and the monotonic time from which on it is read again although
    that has not changed; None for never."""

    version: str
    overview: Overview
    read_again_at: float | None = None


_CODEC = TypeAdapter(_Kept)


def _known(one: ProjectChannel, version: str) -> _Kept | None:
    known: _Kept | None = one.overview
    if known is None or known.version != version:
        return None
    return known if known.read_again_at is None or time.monotonic() < known.read_again_at else None


def _version(one: ProjectChannel) -> str:
    """Changes with what an overview depends on: the published file, the channel file, and this program."""
    try:
        tables = repr(one.tables.version)
    except OSError as error:
        tables = str(error)
    return f"{tables} {one.version} {PROGRAM}"


def _kept(one: ProjectChannel, version: str) -> _Kept | None:
    """None if nothing was kept, or not for this version."""
    try:
        file = os.open(one.folder.root / KEPT, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            kept = _CODEC.validate_json(opened.read(_MAX_BYTES))
    except (OSError, ValidationError):
        return None
    return kept if kept.version == version else None


def _keep(one: ProjectChannel, known: _Kept) -> None:
    """If the folder cannot be written, the next start reads the published file again."""
    with contextlib.suppress(OSError):
        write_atomically(one.folder.root / KEPT, _CODEC.dump_json(known).decode(), 0o600)


def _read(one: ProjectChannel, channel: Channel, version: str) -> _Kept:
    found = Overview(channel.name, "never run", "", None, None, [], 0, 0)
    try:
        with one.tables.open(brief=True) as published:
            found = _of_runs(found, published)
            names = channel.in_order(())
            counts = [_counts(name, count_states(published, name, channel.declarations[name])) for name in names]
            return _Kept(version, replace(found, flows=counts))
    except TooManyRows as error:
        found = replace(found, state="failed", message=str(error))
    except NothingPublished as error:
        found = replace(found, message=str(error))
    except Exception as error:
        log.warning("the tables of channel=%s cannot be read: %s", channel.name, error)
        found = replace(found, state="failed", message=str(error).partition("\n")[0])
    return _Kept(version, found, time.monotonic() + RETRY_S)


def _of_runs(found: Overview, published: PublishedRows) -> Overview:
    newest = last_run(published.database)
    last_failure = "select message from sync.runs where exit_code not in (0, 3) and run_id = ?"
    return replace(
        found,
        state={0: "good", 3: "attention"}.get(newest.exit_code, "failed") if newest else "never run",
        message=published.value(last_failure, [newest.run_id if newest else ""]) or "",
        last_push=last_good_push(published.database),
        last_run=newest,
        to_fix=published.value(TO_FIX),
        new=newest.withheld_new if newest else 0,
        last_start=published.value("select max(started_at) from sync.runs"),
    )


def _counts(name: str, states: dict[str, int]) -> FlowCounts:
    waiting = sum(states.get(state, 0) for state in SENDABLE)
    to_fix = sum(states.get(state, 0) for state in ("withheld", "refused", "unknown"))
    return FlowCounts(name, waiting, to_fix, states.get("equal", 0))
