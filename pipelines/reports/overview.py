"""The runs of one channel, and the state of each channel of a project."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.config.project import Project
from pipelines.core.errors import CentraMyogoError
from pipelines.reports.staleness import is_folder_stale
from pipelines.state.lock import running_verb
from pipelines.state.missing_copy import BROKEN_OFF
from pipelines.state.pause import read_pause
from pipelines.state.store import Folder, published

RUNS = """
    select run_id, started_at, verb, flow as flows, outcome, coalesce(exit_code, 1) as exit_code,
           epoch(ended_at - started_at) as seconds, coalesce(rows_read, 0) as rows_read,
           coalesce(creates + updates, 0) as changes, coalesce(applied, 0) as applied,
           coalesce(refused, 0) as refused, coalesce(unknown_outcome, 0) as unknown,
           coalesce(withheld, 0) as withheld, coalesce(withheld_new, 0) as withheld_new
    from sync.runs order by started_at desc, run_id desc limit ?"""

# A row can have several issues: it is one row to fix, as in the counts of a run.
TO_FIX = """
    select count(distinct {'flow': flow, 'row': coalesce(source_id, code)}) from sync.issues where closed_at is null"""
WRONG_SELECTION = "no_match"  # the outcome of a run whose --sku matches nothing: it says nothing about the channel


@dataclass(frozen=True)
class RunLine:
    """One run. Times are UTC; `seconds` is null for a run that was killed."""

    run_id: str
    started_at: datetime
    verb: str
    flows: str
    outcome: str
    exit_code: int
    seconds: float | None
    rows_read: int
    changes: int
    applied: int
    refused: int
    unknown: int
    withheld: int
    withheld_new: int


@dataclass(frozen=True)
class ChannelState:
    """`state` is good, attention, failed, running (the first run), never run or invalid; `stale` means that the last
    good push is older than `hours_since_success` of the channel file, or than `max_age`. `last_push` is the start of
    the last push that ended with 0 or 3 (UTC); `message` says what is wrong.

    `next_run` is the next time of the schedule (UTC), at which `serve` starts a run if it is running; None without a
    schedule, or if it is paused."""

    channel: str
    state: str
    stale: bool
    last_push: datetime | None
    age_s: float | None
    to_fix: int
    new: int
    last_run: RunLine | None
    message: str = ""
    next_run: datetime | None = None
    paused: bool = False


def last_runs(db: duckdb.DuckDBPyConnection, count: int) -> list[RunLine]:
    """The last runs, the newest first."""
    return [RunLine(*row) for row in db.execute(RUNS, [count]).fetchall()]


def last_run(db: duckdb.DuckDBPyConnection) -> RunLine | None:
    """The last run that says how the channel is."""
    return next((run for run in last_runs(db, 100) if run.outcome != WRONG_SELECTION), None)


def last_good_push(db: duckdb.DuckDBPyConnection) -> datetime | None:
    """The start of the last push that ended with exit 0 or 3 (UTC)."""
    ((started_at,),) = db.execute(
        "select max(started_at) from sync.runs where verb = 'push' and exit_code in (0, 3)"
    ).fetchall()
    moment: datetime | None = started_at
    return moment


def channel_states(project: Project, data: Path, now: datetime, max_age: timedelta | None = None) -> list[ChannelState]:
    """The state of every channel file of the project, by name."""
    return [_state(file, data, now, max_age) for file in project.channel_files()]


def _state(file: Path, data: Path, now: datetime, max_age: timedelta | None) -> ChannelState:
    try:
        channel = load(str(file))
    except CentraMyogoError as error:
        return ChannelState(file.stem, "invalid", max_age is not None, None, None, 0, 0, None, error.message)
    folder = Folder(data, channel.name)
    state = _state_of_runs(channel, folder, now, max_age)
    if (pause := read_pause(folder)) is not None:
        return replace(state, paused=True, message=" ".join(filter(None, (state.message, pause.message))))
    times = (one.schedule.next_after(now, channel.zone) for one in channel.timings)
    return replace(state, next_run=min(times, default=None))


def _state_of_runs(channel: Channel, folder: Folder, now: datetime, max_age: timedelta | None) -> ChannelState:
    stale = max_age is not None or is_folder_stale(channel, folder, None, now)
    running = running_verb(folder)
    try:
        if not folder.published.is_file():
            return _without_copy(channel.name, folder, running, stale=stale)
        with contextlib.closing(published(folder)) as db:
            newest = last_run(db)
            last_push = last_good_push(db)
            ((to_fix,),) = db.execute(TO_FIX).fetchall()
    except (CentraMyogoError, duckdb.Error, OSError) as error:
        return ChannelState(channel.name, "failed", stale, None, None, 0, 0, None, str(error).splitlines()[0])
    age = None if last_push is None else (now - last_push).total_seconds()
    stale = is_folder_stale(channel, folder, last_push, now)
    if max_age is not None:
        stale = stale or age is None or age > max_age.total_seconds()
    states = {0: "good", 3: "attention"}
    return ChannelState(
        channel.name,
        states.get(newest.exit_code, "failed") if newest else "never run",
        stale,
        last_push,
        age,
        to_fix,
        newest.withheld_new if newest else 0,
        newest,
        f"A {running} is running." if running else BROKEN_OFF if folder.journal.is_file() else "",
    )


def _without_copy(channel: str, folder: Folder, running: str | None, *, stale: bool) -> ChannelState:
    """The state before the first run has ended."""
    state, message = "never run", ""
    if running is not None:
        state, message = "running", f"The first run, a {running}, has not ended yet."
    elif folder.work.is_file() or folder.journal.is_file():
        state, message = "failed", BROKEN_OFF
    return ChannelState(channel, state, stale, None, None, 0, 0, None, message)


def as_json(lines: Iterable[RunLine | ChannelState]) -> list[dict[str, Any]]:
    """The lines as objects of JSON; times in ISO 8601, in UTC."""
    return [_with_text_times(asdict(line)) for line in lines]


def _with_text_times(values: dict[str, Any]) -> dict[str, Any]:
    texts = {name: f"{value:%Y-%m-%dT%H:%M:%SZ}" for name, value in values.items() if isinstance(value, datetime)}
    nested = {name: _with_text_times(value) for name, value in values.items() if isinstance(value, dict)}
    return values | texts | nested
