"""The state of one channel on the first page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from pipelines.config.channel import Channel
from pipelines.reports.overview import TO_FIX, RunLine, last_good_push, last_run
from pipelines.reports.staleness import is_folder_stale, stale_text
from pipelines.state.lock import running_verb
from pipelines.state.pause import Pause
from pipelines.state.store import utc_now
from pipelines.web.project_channels import ProjectChannel
from pipelines.web.published_tables import NothingPublished
from pipelines.web.row_states import SENDABLE, count_states
from pipelines.web.scheduler import Scheduler

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
    """`state` is one of STATES. Times are UTC."""

    name: str
    state: str
    message: str
    last_push: datetime | None
    last_run: RunLine | None
    flows: list[FlowCounts]
    to_fix: int
    new: int
    pause: Pause | None = None
    next_run: datetime | None = None


def overview(one: ProjectChannel, scheduler: Scheduler, now: Callable[[], datetime] = utc_now) -> Overview:
    """What the first page shows of the channel; `scheduler` knows its next run. Stale counts more than how the last run
    ended, as in the alerts."""
    if one.channel is None:
        return Overview(one.name, "invalid", one.problem, None, None, [], 0, 0)
    version = one.tables.version
    if one.glanced is None or one.glanced[0] != version:
        one.glanced = version, _of_tables(one, one.channel)
    found: Overview = one.glanced[1]
    if is_folder_stale(one.channel, one.folder, found.last_push, now()):
        found = replace(found, state="stale", message=" ".join(filter(None, (stale_text(one.channel), found.message))))
    if one.runs.running is not None or running_verb(one.folder):
        found = replace(found, state="running", message="")
    return replace(found, pause=scheduler.paused(found.name), next_run=scheduler.next_run(found.name))


def _of_tables(one: ProjectChannel, channel: Channel) -> Overview:
    try:
        with one.tables.open(brief=True) as published:
            newest = last_run(published.database)
            last_push = last_good_push(published.database)
            to_fix = published.value(TO_FIX)
            message = published.value(
                "select message from sync.runs where exit_code not in (0, 3) and run_id = ?",
                [newest.run_id if newest else ""],
            )
            flows = [
                _counts(name, count_states(published, name, channel.declarations[name]))
                for name in channel.in_order(())
            ]
    except NothingPublished as error:
        return Overview(channel.name, "never run", str(error), None, None, [], 0, 0)
    except duckdb.Error as error:
        return Overview(channel.name, "failed", str(error).splitlines()[0], None, None, [], 0, 0)
    ended = {0: "good", 3: "attention"}.get(newest.exit_code, "failed") if newest else "never run"
    new = newest.withheld_new if newest else 0
    return Overview(channel.name, ended, message or "", last_push, newest, flows, to_fix, new)


def _counts(name: str, states: dict[str, int]) -> FlowCounts:
    waiting = sum(states.get(state, 0) for state in SENDABLE)
    to_fix = sum(states.get(state, 0) for state in ("withheld", "refused", "unknown"))
    return FlowCounts(name, waiting, to_fix, states.get("equal", 0))
