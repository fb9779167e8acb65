"""The state of one channel on the first page.

To read it from the published file takes some 50 ms, too long for a page of a thousand channels. It is therefore read
when a run has published a file (`keep_overviews`), and kept in the channel's folder, also for the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from pipelines.config.channel import Channel
from pipelines.engine.kept_evaluation import PROGRAM
from pipelines.reports.overview import TO_FIX, RunLine, last_good_push, last_run
from pipelines.reports.staleness import is_folder_stale, stale_text
from pipelines.state.lock import running_verb
from pipelines.state.pause import Pause
from pipelines.state.permissions import restrictive_umask
from pipelines.state.store import utc_now
from pipelines.web.project_channels import ProjectChannel, ProjectChannels
from pipelines.web.published_tables import NothingPublished
from pipelines.web.row_states import SENDABLE, count_states
from pipelines.web.scheduler import Scheduler

log = logging.getLogger(__name__)
KEPT = "pages-overview.json"
LOOK_EVERY_S = 5.0
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
    """Reads each file that a run has published since it looked last, until `stopped`. Never raises: the first page
    reads what could not be read here, and shows why if it cannot."""
    while not stopped.is_set():
        for one in channels:
            try:
                if one.channel is not None and not _is_known(one) and not stopped.is_set():
                    await run_in_threadpool(of_tables, one, one.channel)
            except Exception as error:
                log.warning("the tables of channel=%s cannot be read: %s", one.name, error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), every_s)


def of_tables(one: ProjectChannel, channel: Channel) -> Overview:
    """What the published file says of the channel, without what changes between two runs. Reads the file once."""
    version = _version(one)
    if one.overview is None or one.overview[0] != version:
        found = _kept(one, version)
        if found is None:
            found, is_read = _read(one, channel)
            if is_read and _version(one) == version:
                _keep(one, version, found)
        one.overview = version, found
    known: Overview = one.overview[1]
    return known


def _is_known(one: ProjectChannel) -> bool:
    return one.overview is not None and one.overview[0] == _version(one)


def _version(one: ProjectChannel) -> str:
    """Changes with what an overview depends on: the published file, the channel file, and this program."""
    return repr((one.tables.version, one.version, PROGRAM))


@dataclass(frozen=True)
class _Kept:
    version: str
    overview: Overview


_CODEC = TypeAdapter(_Kept)


def _kept(one: ProjectChannel, version: str) -> Overview | None:
    """None if nothing was kept, or not for this version."""
    try:
        kept = _CODEC.validate_json((one.folder.root / KEPT).read_bytes())
    except (OSError, ValidationError):
        return None
    return kept.overview if kept.version == version else None


def _keep(one: ProjectChannel, version: str, found: Overview) -> None:
    """If the folder cannot be written, the next start reads the published file again."""
    fresh = one.folder.root / f"{KEPT}.new"
    with contextlib.suppress(OSError), restrictive_umask():
        fresh.write_bytes(_CODEC.dump_json(_Kept(version, found)))
        os.replace(fresh, one.folder.root / KEPT)


def _read(one: ProjectChannel, channel: Channel) -> tuple[Overview, bool]:
    """The overview, and whether the tables could be read."""
    try:
        with one.tables.open(brief=True) as published:
            newest = last_run(published.database)
            last_push = last_good_push(published.database)
            to_fix = published.value(TO_FIX)
            last_start = published.value("select max(started_at) from sync.runs")
            message = published.value(
                "select message from sync.runs where exit_code not in (0, 3) and run_id = ?",
                [newest.run_id if newest else ""],
            )
            flows = [
                _counts(name, count_states(published, name, channel.declarations[name]))
                for name in channel.in_order(())
            ]
    except NothingPublished as error:
        return Overview(channel.name, "never run", str(error), None, None, [], 0, 0), False
    except duckdb.Error as error:
        return Overview(channel.name, "failed", str(error).splitlines()[0], None, None, [], 0, 0), False
    ended = {0: "good", 3: "attention"}.get(newest.exit_code, "failed") if newest else "never run"
    new = newest.withheld_new if newest else 0
    found = Overview(channel.name, ended, message or "", last_push, newest, flows, to_fix, new, last_start)
    return found, True


def _counts(name: str, states: dict[str, int]) -> FlowCounts:
    waiting = sum(states.get(state, 0) for state in SENDABLE)
    to_fix = sum(states.get(state, 0) for state in ("withheld", "refused", "unknown"))
    return FlowCounts(name, waiting, to_fix, states.get("equal", 0))
